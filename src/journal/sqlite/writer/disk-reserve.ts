import { closeSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { sizeOfFile } from '../open/folder.ts'

const CHUNK = Buffer.alloc(1024 * 1024)
const OWNER_ONLY = 0o600
/** What must be free beside the reserve, so that new tasks are not refused again at once. */
const MARGIN_BYTES = 1024 * 1024

/**
 * Disk space that is reserved while there is some, and released when the disk is full, so that the ends of running
 * tasks can still be written.
 */
export class DiskReserve {
  readonly #path: string
  readonly #bytes: number

  constructor(path: string, bytes: number) {
    this.#path = path
    this.#bytes = bytes
  }

  /** Reserves the space, or nothing; returns whether it is reserved. */
  keep(): boolean {
    try {
      if (sizeOfFile(this.#path) === this.#bytes) return true
      // Checked first: filling a disk completely to see whether it holds would harm other programs that write to it.
      const { bavail, bsize } = statfsSync(dirname(this.#path))
      if (bavail * bsize < this.#bytes + MARGIN_BYTES) return false
      // Blocks that are only promised (a sparse file) would not help.
      const file = openSync(this.#path, 'w', OWNER_ONLY)
      try {
        for (let left = this.#bytes; left > 0; left -= CHUNK.length) {
          writeSync(file, CHUNK.subarray(0, Math.min(left, CHUNK.length)))
        }
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      return true
    } catch {
      this.give()
      return false
    }
  }

  give(): void {
    rmSync(this.#path, { force: true })
  }
}
