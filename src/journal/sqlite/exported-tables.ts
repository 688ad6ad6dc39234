/** Tables whose rows stand for themselves, with the columns that are exported. */
export const EXPORTED_TABLES = {
  keys: ['caller', 'key', 'fingerprint', 'task_id', 'waiter', 'expires_at'],
  deliveries: ['id', 'task_id', 'caller', 'url', 'secret', 'attempt', 'next_at'],
  erased: ['id', 'caller', 'at'],
  minutes: ['minute', 'writer', 'row'],
  notes: ['name', 'text'],
} as const
export type ExportedTable = keyof typeof EXPORTED_TABLES

/** Totals that are kept as notes, by their names. */
export const TOTAL_NOTES: Readonly<Record<string, string>> = {
  rejected: 'total_rejected',
  retried: 'total_retried',
}

/** What tells one journal from all others. */
export const ID_NOTE = 'journal-id'
/** How far a move into the journal has come. */
export const MOVE_NOTE = 'move'
/** Notes that do not belong to the tasks: of the journal alone, or kept elsewhere in other journals. */
export const OWN_NOTES: ReadonlySet<unknown> = new Set([
  ID_NOTE,
  MOVE_NOTE,
  'self-test',
  ...Object.values(TOTAL_NOTES),
])
