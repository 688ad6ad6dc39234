import { Command } from 'commander'
import { resolve } from 'node:path'
import { diagnose, setAside } from '../journal/sqlite/doctor.ts'
import { readLocalSettings } from './local-settings.ts'
import { formatTable } from './text-table.ts'

interface DoctorOptions {
  readonly setAside?: boolean
}

/** `headgate doctor`: what is wrong with the data of a server, and the way out. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Check the journal and the uploads in DATA_DIR, and report what is wrong and how to fix it.')
    .option(
      '--set-aside',
      'move journal and uploads into a folder beside them, so that the next start begins anew',
    )
    .action((options: DoctorOptions) => {
      const folder = resolve(
        readLocalSettings('doctor', 'Ask /health/ready and /api/queue/stats of a running process.').dataDir,
      )
      if (options.setAside === true) console.log(`Journal and uploads are kept in ${setAside(folder)}.`)
      else report(folder)
    })
}

function report(folder: string): void {
  const findings = diagnose(folder)
  const rows = findings.map(({ about, detail, fix }) => [fix === undefined ? 'ok' : 'WRONG', about, detail])
  console.log(formatTable(rows))
  const wrong = findings.filter(({ fix }) => fix !== undefined)
  for (const { about, fix } of wrong) console.log(`\nFix (${about}): ${fix}`)
  if (wrong.length > 0) process.exitCode = 1
}
