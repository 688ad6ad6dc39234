import { readSettings } from '../config/read.ts'
import type { Settings } from '../config/settings.ts'
import { HeadgateError } from '../task/errors.ts'

/**
 * The settings, for a command that works on the journal in DATA_DIR.
 *
 * @param instead what does the same over PostgreSQL
 * @throws HeadgateError `invalid-setting` where the tasks are in PostgreSQL.
 */
export function readLocalSettings(command: string, instead: string): Settings {
  const settings = readSettings()
  if (settings.databaseUrl === '') return settings
  const detail = `DATABASE_URL: the tasks are in PostgreSQL, and headgate ${command} is for DATA_DIR. ${instead}`
  throw new HeadgateError('invalid-setting', detail)
}
