import type { TaskMap, TaskName } from './definition.ts';

declare const taskName: unique symbol;

/** An id that remembers the task's name in its type, so that `result(id)` is typed. At run time a plain string. */
export type TaskId<Name extends string = string> = string & { readonly [taskName]: Name };

/** The name an id was made for; every name of the queue for a plain string. */
export type NameOfId<Tasks extends TaskMap, Id extends string> = Id extends {
  readonly [taskName]: infer Name extends string;
}
  ? Extract<TaskName<Tasks>, Name>
  : TaskName<Tasks>;
