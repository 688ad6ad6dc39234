import { Command } from 'commander'
import { moveJournalTo } from '../app/move-journal.ts'
import { readSettings } from '../config/read.ts'
import { HeadgateError } from '../task/errors.ts'

interface MoveCommandOptions {
  readonly to?: string
}

/** A line at most this often, ms. */
const SAY_EVERY_MS = 2000

/** `headgate move`: from the journal of one machine to PostgreSQL. */
export function moveCommand(): Command {
  return new Command('move')
    .description(
      'Move the tasks, uploads, keys and history of DATA_DIR into an empty PostgreSQL database. Stop the server first; repeat it when it was cut off.',
    )
    .option('--to <url>', 'postgres://user:password@host:port/database; default: DATABASE_URL')
    .action(async ({ to }: MoveCommandOptions) => {
      const settings = readSettings()
      const url = to ?? settings.databaseUrl
      if (url === '')
        throw new HeadgateError('invalid-setting', 'Say where to: --to postgres://… or DATABASE_URL.')
      let saidAt = 0
      const { tasks, uploads, place } = await moveJournalTo(url, settings, ({ what, done }) => {
        if (performance.now() - saidAt < SAY_EVERY_MS) return
        saidAt = performance.now()
        console.log(`${done} ${what}`)
      })
      console.log(`Moved to ${place} and compared: ${tasks} tasks, ${uploads.count} uploads.`)
      if (uploads.missing.length > 0)
        console.log(
          `Uploads that were missing or damaged before, of the tasks ${uploads.missing.join(', ')}.`,
        )
      console.log('Set DATABASE_URL and start. The journal is left as it was, marked as moved.')
    })
}
