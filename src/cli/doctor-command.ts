import { Command } from 'commander'
import { resolve } from 'node:path'
import { diagnoseFromSettings } from '../app/diagnose-database.ts'
import { readSettings } from '../config/read.ts'
import type { Finding } from '../journal/finding.ts'
import { diagnose, setAside } from '../journal/sqlite/doctor.ts'
import { readLocalSettings } from './local-settings.ts'
import { formatTable } from './text-table.ts'

interface DoctorOptions {
  readonly setAside?: boolean
}

/** `headgate doctor`: what is wrong with the data of a server, and the way out. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Check the journal and the uploads in DATA_DIR, or the PostgreSQL of DATABASE_URL, and report what is wrong and how to fix it.',
    )
    .option(
      '--set-aside',
      'move journal and uploads into a folder beside them, so that the next start begins anew',
    )
    .action(async (options: DoctorOptions) => {
      if (options.setAside === true) {
        const settings = readLocalSettings('doctor --set-aside', 'Take another database instead.')
        const folder = resolve(settings.dataDir)
        const aside = setAside(folder)
        console.log(
          aside === null
            ? `There is no journal and no upload in ${folder}.`
            : `Journal and uploads are kept in ${aside}.`,
        )
        return
      }
      const settings = readSettings()
      const isLocal = settings.databaseUrl === ''
      report(isLocal ? diagnose(resolve(settings.dataDir)) : await diagnoseFromSettings(settings))
    })
}

function report(findings: readonly Finding[]): void {
  const rows = findings.map(({ about, detail, fix }) => [fix === undefined ? 'ok' : 'WRONG', about, detail])
  console.log(formatTable(rows))
  const wrong = findings.filter(({ fix }) => fix !== undefined)
  for (const { about, fix } of wrong) console.log(`\nFix (${about}): ${fix}`)
  if (wrong.length > 0) process.exitCode = 1
}
