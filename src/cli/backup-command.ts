import { Command } from 'commander'
import { resolve } from 'node:path'
import { backUp } from '../backup/backup.ts'
import { restore } from '../backup/restore.ts'
import { resolveTokensFile } from '../config/read.ts'
import { readLocalSettings } from './local-settings.ts'

const MB = 1024 * 1024

/** `headgate backup DIR`: everything that a server keeps, also while it runs. */
export function backupCommand(): Command {
  return new Command('backup')
    .description(
      'Copy the journal, uploads and tokens of DATA_DIR into an empty folder, also while a server runs.',
    )
    .argument('<folder>', 'where the backup is put')
    .action(async (folder: string) => {
      const { tasks, uploads, hasTokens, bytes } = await backUp(places('backup'), resolve(folder))
      const tokens = hasTokens ? ', the tokens' : ''
      const size = `${(bytes / MB).toFixed(1)} MB`
      console.log(`Backed up and read back: ${tasks} tasks, ${uploads} uploads${tokens}, ${size}.`)
    })
}

/** `headgate restore DIR`: a backup, where a server will use it. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('Put a backup into DATA_DIR, which must hold no journal yet. Repeat it when it was cut off.')
    .argument('<folder>', 'the backup')
    .action(async (folder: string) => {
      const { tasks, createdAt, files } = await restore(resolve(folder), places('restore'))
      console.log(`Restored and read back: ${tasks} tasks, ${files.length} files, of ${createdAt}.`)
    })
}

function places(command: string) {
  const settings = readLocalSettings(command, 'Use pg_dump and pg_restore.')
  return { dataDir: resolve(settings.dataDir), tokensFile: resolve(resolveTokensFile(settings)) }
}
