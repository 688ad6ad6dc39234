import { hash } from 'node:crypto'

/** Both kinds of encryption use AES. */
export const BLOCK_BYTES = 16
/** An encrypted package begins with its length. */
export const SIZE_BYTES = 8

interface Stretching {
  /** As Node.js names it. */
  readonly hashName: string
  readonly salt: Buffer
  readonly rounds: number
}

/** The hash of a password, hashed again for each round (MS-OFFCRYPTO 2.3.4.7, 2.3.4.11). */
export function stretchPassword(password: string, { hashName, salt, rounds }: Stretching): Buffer {
  const first = hash(hashName, Buffer.concat([salt, Buffer.from(password, 'utf16le')]), 'buffer')
  const numbered = Buffer.concat([Buffer.alloc(4), first])
  for (let round = 0; round < rounds; round++) {
    numbered.writeUInt32LE(round)
    hash(hashName, numbered, 'buffer').copy(numbered, 4)
  }
  return numbered.subarray(4)
}
