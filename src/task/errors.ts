/**
 * Every coded error of the project: code → what it means, in one sentence. HTTP statuses are in
 * `http/problem/problem.ts`; `docs/errors.md` and the tests are held to this table.
 */
export const ERROR_CODES = {
  'queue-full': 'Queue is full',
  'user-queue-full': 'The caller has as many tasks waiting as it may',
  'intake-paused': 'No tasks are taken for now',
  draining: 'No more tasks are taken',
  'journal-unavailable': 'The journal cannot be written',
  'disk-full': 'The disk is full',
  'responses-busy': 'Long replies hold all the memory there is for them',
  'invalid-priority': 'The priority is not one of the four levels',
  validation: 'The request does not fit the schema',
  'unsafe-url': 'The address may not be fetched',
  'malformed-json': 'The body is not valid JSON',
  'malformed-upload': 'The upload is not a readable multipart body',
  unauthorized: 'The caller is not known',
  forbidden: 'The caller may not do this',
  'cross-site': 'A page of another site asked',
  'rate-limited': 'Too many requests',
  'unknown-task-type': 'No such task type',
  'task-not-found': 'No such task',
  'task-gone': 'The task was erased',
  'not-found': 'No such route',
  'packages-missing': 'The server lacks packages for this task type',
  'method-not-allowed': 'The route does not take this method',
  'already-started': 'The task has started',
  'already-finished': 'The task has finished',
  'task-not-finished': 'The task has not finished',
  'idempotency-in-flight': 'The first request with this key is still under way',
  'idempotency-mismatch': 'The key was used with another request',
  'payload-too-large': 'The body is too large',
  'headers-too-large': 'The headers are too large',
  'request-timeout': 'The request came too slowly',
  'unsupported-media-type': 'The content type is not supported',
  'bad-request': 'The request is malformed',
  internal: 'The server failed',
  'illegal-move': 'A status moved where the table of moves does not allow it',
  'duplicate-task-type': 'Two task types have one name',
  'invalid-task-type': 'A task type is not well defined',
  'invalid-setting': 'A setting has a value out of its bounds',
  'unknown-resource': 'No resource has this name',
  'duplicate-step': 'Two steps of one run have one name',
  'stale-run': 'A run that is over tried to write',
  'journal-in-use': 'Another process uses the journal',
  'journal-missing': 'A journal that is expected is not there',
  'journal-moved': 'The tasks were moved to another place, where they run',
  'journal-too-new': 'The journal was written by a newer version',
  'journal-corrupt': 'The journal is damaged',
  'backup-failed': 'The backup could not be taken',
  'backup-damaged': 'The backup is damaged or not complete',
  'restore-refused': 'A restore would replace what is there',
  'restore-unfinished': 'A restore was cut off',
  'move-refused': 'A move would mix two sets of tasks',
  'move-failed': 'What was moved is not what was there',
  'move-unfinished': 'A move was cut off, so that tasks are missing',
  'journal-failed': 'The disk under the journal failed',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** An error with a code from {@link ERROR_CODES}; `message` is one sentence with the offending value. */
export class HeadgateError extends Error {
  override readonly name = 'HeadgateError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
