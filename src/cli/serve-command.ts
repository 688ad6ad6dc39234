import { Command } from 'commander'
import { overrideEnvironment } from '../config/read.ts'
import { SETTINGS } from '../config/settings.ts'

interface ServeOptions {
  readonly port?: string
  readonly host?: string
  readonly dataDir?: string
  readonly tasks?: string
}

/** `headgate serve`: the server, with settings from options, the environment and `.env`, in this order. */
export function serveCommand(): Command {
  const { port, host, dataDir, tasksFile } = SETTINGS
  return new Command('serve')
    .description('Start the server. Settings come from the environment and from .env; options override them.')
    .option('--port <number>', `port to listen on (${port.env}, default ${port.default})`)
    .option('--host <address>', `address to listen on (${host.env}, default ${host.default})`)
    .option(
      '--data-dir <folder>',
      `folder of the journal, uploads and tokens (${dataDir.env}, default ${dataDir.default})`,
    )
    .option('--tasks <file>', `module that exports your task types (${tasksFile.env})`)
    .action(async (options: ServeOptions) => {
      const given = {
        [port.env]: options.port,
        [host.env]: options.host,
        [dataDir.env]: options.dataDir,
        [tasksFile.env]: options.tasks,
      }
      overrideEnvironment(given)
      await import('../main.ts')
    })
}
