import { constants, createReadStream } from 'node:fs'
import { copyFile, mkdir, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Upload } from '../task/task.ts'
import type { Blobs } from './blobs.ts'
import { assertOwnFolder, removeOwnFile } from './own-files.ts'
import { syncPath } from '../sync-path.ts'

/** Files in a folder that all machines have mounted. */
export class FolderBlobs implements Blobs {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    assertOwnFolder(this.#folder)
  }

  async put({ spoolId }: Pick<Upload, 'spoolId'>, path: string): Promise<void> {
    await this.#place(path, spoolId)
  }

  async *read(id: string): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of createReadStream(this.#pathOf(id))) yield chunk as Buffer
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }

  async copy(from: string, to: string): Promise<boolean> {
    try {
      await this.#place(this.#pathOf(from), to)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  async remove(id: string): Promise<void> {
    await removeOwnFile(this.#folder, id)
  }

  async *listOld(ageMs: number): AsyncGenerator<readonly string[]> {
    const before = Date.now() - ageMs
    const old: string[] = []
    for (const name of await readdir(this.#folder)) {
      const found = await stat(this.#pathOf(name)).catch(() => null)
      if (found !== null && found.mtimeMs < before) old.push(name)
    }
    yield old
  }

  #pathOf(id: string): string {
    return join(this.#folder, id)
  }

  /** In one piece: a file is there as it came, or not. */
  async #place(from: string, id: string): Promise<void> {
    const part = this.#pathOf(`${id}.part`)
    await copyFile(from, part, constants.COPYFILE_FICLONE)
    await syncPath(part)
    await rename(part, this.#pathOf(id))
    await syncPath(this.#folder)
  }
}
