export { callsOf, MemoryFaults, MessageFaults, type CommandMatch, type PlannedFault } from './faults.ts';
export { memoryFaults } from './access.ts';
