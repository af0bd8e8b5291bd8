import { describe, expectTypeOf, test } from 'vitest';
import type { Matching, MatchingPattern } from '@lockstep/core';

type Topics = 'order.created' | 'order.updated' | 'order.created.eu' | 'payment.created' | 'tick';

declare function subscribe<Pattern extends string>(
  pattern: MatchingPattern<Pattern, Topics>,
): Matching<Pattern, Topics>;

describe('the names a pattern matches, as a type', () => {
  test('are those of the run-time rule', () => {
    expectTypeOf<Matching<'order.created', Topics>>().toEqualTypeOf<'order.created'>();
    expectTypeOf<Matching<'order.*', Topics>>().toEqualTypeOf<'order.created' | 'order.updated'>();
    expectTypeOf<Matching<'*.created', Topics>>().toEqualTypeOf<'order.created' | 'payment.created'>();
    expectTypeOf<Matching<'order.**', Topics>>().toEqualTypeOf<
      'order.created' | 'order.updated' | 'order.created.eu'
    >();
    expectTypeOf<Matching<'order.*.**', Topics>>().toEqualTypeOf<'order.created.eu'>();
    expectTypeOf<Matching<'*', Topics>>().toEqualTypeOf<'tick'>();
    expectTypeOf<Matching<'**', Topics>>().toEqualTypeOf<Topics>();
  });

  test('are none for a pattern that fits nothing or is none', () => {
    expectTypeOf<Matching<'invoice.*', Topics>>().toEqualTypeOf<never>();
    expectTypeOf<Matching<'order.cre*', Topics>>().toEqualTypeOf<never>();
    expectTypeOf<Matching<'**.created', Topics>>().toEqualTypeOf<never>();
  });

  test('of several patterns are those of any', () => {
    expectTypeOf<Matching<'tick' | 'payment.*', Topics>>().toEqualTypeOf<'tick' | 'payment.created'>();
  });

  test('are all where the pattern or the names are known at run time only', () => {
    expectTypeOf<Matching<string, Topics>>().toEqualTypeOf<Topics>();
    expectTypeOf<Matching<'order.*', string>>().toEqualTypeOf<string>();
  });
});

describe('a pattern as an argument', () => {
  test('infers from what is passed', () => {
    expectTypeOf(subscribe('order.*')).toEqualTypeOf<'order.created' | 'order.updated'>();
    expectTypeOf(subscribe('order.*' as string)).toEqualTypeOf<Topics>();
  });

  test('does not compile when it matches nothing', () => {
    // @ts-expect-error no topic starts with invoice
    subscribe('invoice.*');
    // @ts-expect-error a wildcard is a whole segment
    subscribe('order.cre*');
    expectTypeOf<MatchingPattern<'invoice.*', Topics>>().toEqualTypeOf<'no name matches invoice.*'>();
    // @ts-expect-error one of two patterns that fits does not excuse the other
    subscribe('tick' as 'tick' | 'invoice.*');
  });

  test('narrows a discriminated union', () => {
    type Event = { type: 'order.created'; total: number } | { type: 'payment.created'; method: string };
    type Received = Extract<Event, { type: Matching<'order.*', Event['type']> }>;
    expectTypeOf<Received>().toEqualTypeOf<{ type: 'order.created'; total: number }>();
  });
});
