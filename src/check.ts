import { resolve } from 'node:path'
import { readTokenFile, requiresTokens } from './auth/token-file.ts'
import { readEnvFile, readSettings, resolveTokensFile } from './config/read.ts'
import { refuseOpenServer } from './http/gate/open-server.ts'
import { orExit } from './process/exit.ts'
import { findFreeAddress } from './process/listen-address.ts'

/**
 * `--check`: prints the URL that a server with these settings would have, or one line that says what is wrong with the
 * settings or the port. Nothing is opened and nothing else loaded, so that a script can ask before it starts one.
 */
export async function check(): Promise<void> {
  const settings = await orExit(() => {
    readEnvFile()
    const read = readSettings()
    const inFile = readTokenFile(resolve(resolveTokensFile(read)))
    refuseOpenServer(read.host, requiresTokens(inFile, read.tokens))
    return read
  })
  process.stdout.write(`${await findFreeAddress(settings)}\n`)
}
