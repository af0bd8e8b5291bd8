export { order, payment } from './order.ts';
export { payments } from './payments.ts';

export type { Order, Payment } from './order.ts';
