import { Command } from 'commander'
import { overrideEnvironment } from '../config/read.ts'
import { SETTINGS, type Settings } from '../config/settings.ts'

interface ServeOptions {
  readonly port?: string
  readonly host?: string
  readonly dataDir?: string
  readonly tasks?: string
  readonly name?: string
}

/** What each role says of itself. */
const DESCRIPTIONS: Readonly<Record<Settings['role'], string>> = {
  serve: 'Start the server. Settings come from the environment and from .env; options override them.',
  web: 'Take requests, and run no tasks: one process of several over the PostgreSQL of DATABASE_URL.',
  worker: 'Run tasks, and take no requests: one process of several over the PostgreSQL of DATABASE_URL.',
}

/** `headgate serve`, `web`, `worker`: the server, with settings from options, the environment and `.env`, in this order. */
export function serveCommand(role: Settings['role']): Command {
  const { host, dataDir, tasksFile, workerName, workerPort } = SETTINGS
  const port = role === 'worker' ? workerPort : SETTINGS.port
  const command = new Command(role)
    .description(DESCRIPTIONS[role])
    .option('--port <number>', `port to listen on (${port.env}, default ${port.default})`)
    .option('--host <address>', `address to listen on (${host.env}, default ${host.default})`)
    .option(
      '--data-dir <folder>',
      `folder of the journal, uploads and tokens (${dataDir.env}, default ${dataDir.default})`,
    )
    .option('--tasks <file>', `module that exports your task types (${tasksFile.env})`)
    .action(async (options: ServeOptions) => {
      overrideEnvironment({
        // ROLE of the environment counts where the command says none.
        ...(role === 'serve' ? {} : { [SETTINGS.role.env]: role }),
        [port.env]: options.port,
        [host.env]: options.host,
        [dataDir.env]: options.dataDir,
        [tasksFile.env]: options.tasks,
        [workerName.env]: options.name,
      })
      await import('../main.ts')
    })
  return role === 'serve'
    ? command
    : command.option('--name <name>', `name of this process among all (${workerName.env})`)
}
