import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Names of the files in the folder of uploads of a server: it is called after the process where several share a queue. */
export async function listSpool(dataDir: string): Promise<readonly string[]> {
  const folders = (await readdir(dataDir)).filter((name) => name.startsWith('spool'))
  return (await Promise.all(folders.map((name) => readdir(join(dataDir, name))))).flat()
}
