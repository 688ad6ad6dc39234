#!/usr/bin/env node
import { Command } from 'commander'
import { readEnvFile } from '../config/read.ts'
import { VERSION } from '../package.ts'
import { HeadgateError } from '../task/errors.ts'
import { backupCommand, restoreCommand } from './backup-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { moveCommand } from './move-command.ts'
import { planCommand } from './plan-command.ts'
import { serveCommand } from './serve-command.ts'
import { tokenCommand } from './token-command.ts'

/** The command line of Headgate: one file for each command. */

const EXIT_SETTINGS = 78
const EXIT_FAILED = 1

const program = new Command('headgate')
  .description('A durable, bounded priority queue for slow and costly HTTP work.')
  .version(VERSION)
  .showHelpAfterError('(see --help)')
for (const role of ['serve', 'web', 'worker'] as const) program.addCommand(serveCommand(role))
program.addCommand(tokenCommand())
program.addCommand(doctorCommand())
program.addCommand(planCommand())
program.addCommand(backupCommand())
program.addCommand(restoreCommand())
program.addCommand(moveCommand())

try {
  readEnvFile()
  await program.parseAsync()
} catch (error) {
  console.error(`headgate: ${(error as Error).message}`)
  process.exitCode =
    error instanceof HeadgateError && error.code === 'invalid-setting' ? EXIT_SETTINGS : EXIT_FAILED
}
