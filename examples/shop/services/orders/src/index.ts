export { OrderBook } from './order-book.ts';
export { PaymentRequests } from './payment-requests.ts';
export { takeOrders } from './take-orders.ts';

export type { OrderLine, Rejection } from './order-book.ts';
export type { PaymentRequestsOptions, PaymentsQueue } from './payment-requests.ts';
export type { TakeOrdersOptions } from './take-orders.ts';
