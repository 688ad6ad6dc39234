import { Command } from 'commander'
import { overrideEnvironment } from '../config/read.ts'
import { SETTINGS } from '../config/settings.ts'

interface MemberOptions {
  readonly port?: string
  readonly host?: string
  readonly tasks?: string
  readonly name?: string
}

/** `headgate web` and `headgate worker`: one process of several over one PostgreSQL. */
export function memberCommand(role: 'web' | 'worker'): Command {
  const { host, port, workerPort, workerName, tasksFile, role: roleSetting, databaseUrl } = SETTINGS
  const ownPort = role === 'web' ? port : workerPort
  const what = role === 'web' ? 'Take requests, and run no tasks' : 'Run tasks, and take no requests'
  return new Command(role)
    .description(`${what}: one process of several over the PostgreSQL of ${databaseUrl.env}.`)
    .option('--port <number>', `port to listen on (${ownPort.env}, default ${ownPort.default})`)
    .option('--host <address>', `address to listen on (${host.env}, default ${host.default})`)
    .option('--tasks <file>', `module that exports your task types (${tasksFile.env})`)
    .option('--name <name>', `name of this process among all (${workerName.env})`)
    .action(async (options: MemberOptions) => {
      overrideEnvironment({
        [roleSetting.env]: role,
        [ownPort.env]: options.port,
        [host.env]: options.host,
        [tasksFile.env]: options.tasks,
        [workerName.env]: options.name,
      })
      await import('../main.ts')
    })
}
