import { TASK_COLUMNS } from '../../journal/rows.ts'

/** A task for lists: without result, and with its input as long as it has not ended and the input is short. */
export const LISTED_COLUMNS = `${TASK_COLUMNS}, (SELECT input FROM headgate.inputs
  WHERE inputs.id = tasks.id AND tasks.finished_at IS NULL AND octet_length(input) < 2048) AS input`
