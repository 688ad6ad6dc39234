import { basename, dirname } from 'node:path'
import { Command } from 'commander'
import { moveToDatabase, moveToFolder, type MoveEnds } from '../app/move-journal.ts'
import { readSettings } from '../config/read.ts'
import type { Settings } from '../config/settings.ts'
import { HeadgateError } from '../task/errors.ts'

interface MoveCommandOptions {
  readonly from?: string
  readonly to?: string
}

/** A line at most this often, ms. */
const SAY_EVERY_MS = 2000
const JOURNAL = 'journal.db'

/** `headgate move`: from the journal of one machine to PostgreSQL, and back. */
export function moveCommand(): Command {
  return new Command('move')
    .description(
      'Move the tasks, uploads, keys and history of a data folder into an empty PostgreSQL database, or back into an empty folder. Stop all processes first; repeat it when it was cut off.',
    )
    .option('--from <place>', 'a data folder, or postgres://user:password@host:port/database')
    .option('--to <place>', 'the same; what is not given is DATA_DIR, or DATABASE_URL')
    .addHelpText(
      'after',
      '\nExamples:\n  headgate move --to postgres://…     from DATA_DIR\n  headgate move --to ./data           from DATABASE_URL',
    )
    .action(async (options: MoveCommandOptions) => {
      const settings = readSettings()
      const { isBack, ...ends } = parseEnds(options, settings)
      let saidAt = 0
      const move = isBack ? moveToFolder : moveToDatabase
      const { tasks, uploads, place } = await move(ends, settings, ({ what, done }) => {
        if (performance.now() - saidAt < SAY_EVERY_MS) return
        saidAt = performance.now()
        console.log(`${done} ${what}`)
      })
      console.log(`Moved to ${place} and compared: ${tasks} tasks, ${uploads.count} uploads.`)
      if (uploads.missing.length > 0)
        console.log(
          `Uploads that were missing or damaged before, of the tasks ${uploads.missing.join(', ')}.`,
        )
      console.log(
        isBack
          ? `Remove DATABASE_URL, set DATA_DIR=${place} and start. The database is left as it was, marked as moved.`
          : 'Set DATABASE_URL and start. The journal is left as it was, marked as moved.',
      )
    })
}

/** @throws HeadgateError `invalid-setting` unless one end is a database, and the other one a folder. */
function parseEnds(
  { from, to }: MoveCommandOptions,
  settings: Settings,
): MoveEnds & { readonly isBack: boolean } {
  const isBack = to === undefined ? from !== undefined && isUrl(from) : !isUrl(to)
  const [url = settings.databaseUrl, path = settings.dataDir] = isBack ? [from, to] : [to, from]
  if (url === '') {
    const example = isBack ? '--from' : '--to'
    throw new HeadgateError('invalid-setting', `Name the database: ${example} postgres://… or DATABASE_URL.`)
  }
  if (!isUrl(url) || isUrl(path)) {
    const detail = `--from ${from === undefined || isUrl(from) ? 'postgres://…' : from} --to ${to === undefined || isUrl(to) ? 'postgres://…' : to}`
    throw new HeadgateError('invalid-setting', `${detail}: one has to be a database, the other one a folder.`)
  }
  return { url, folder: toFolder(path), isBack }
}

function isUrl(place: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(place)
}

/** A journal may be named by its file. */
function toFolder(path: string): string {
  const name = basename(path)
  if (name === JOURNAL) return dirname(path)
  if (!/\.(?:db|sqlite3?)$/.test(name)) return path
  throw new HeadgateError(
    'invalid-setting',
    `"${path}": a journal is a folder with the file ${JOURNAL}. Name the folder.`,
  )
}
