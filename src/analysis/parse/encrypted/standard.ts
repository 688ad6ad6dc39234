import { createDecipheriv, hash } from 'node:crypto'
import { BLOCK_BYTES, SIZE_BYTES, stretchPassword } from './password.ts'

const HASH = 'sha1'
const HASH_BYTES = 20
const ROUNDS = 50_000
const PAD_BYTES = 64
/** Algorithms of 128, 192 and 256 bits (2.3.2); RC4 is another kind of encryption. */
const AES = new Map([
  [0x660e, 128],
  [0x660f, 192],
  [0x6610, 256],
])
const HEADER_AT = 8
const VERIFIER_BYTES = 4 + 16 + 16 + 4 + 32

/**
 * The package in a file under "standard" encryption (MS-OFFCRYPTO 2.3.4.5 to 2.3.4.9), which Office 2007 writes, when `password`
 * opens it; undefined when it does not, or for other algorithms.
 */
export function decryptStandard(info: Buffer, encrypted: Buffer, password: string): Buffer | undefined {
  const headerBytes = info.length < HEADER_AT + 16 ? Infinity : info.readUInt32LE(4)
  const verifierAt = HEADER_AT + headerBytes
  const bits =
    info.length < verifierAt + VERIFIER_BYTES ? undefined : AES.get(info.readUInt32LE(HEADER_AT + 8))
  if (bits === undefined) return undefined
  const salt = info.subarray(verifierAt + 4, verifierAt + 20)
  const verifier = info.subarray(verifierAt + 20, verifierAt + 36)
  const verifierHash = info.subarray(verifierAt + 40, verifierAt + 72)
  const key = makeKey(stretchPassword(password, { hashName: HASH, salt, rounds: ROUNDS }), bits / 8)
  const expected = decrypt(key, verifierHash).subarray(0, HASH_BYTES)
  if (!hash(HASH, decrypt(key, verifier), 'buffer').equals(expected)) return undefined
  return decrypt(key, encrypted.subarray(SIZE_BYTES))
}

/** As CryptDeriveKey makes one (2.3.4.7). */
function makeKey(stretched: Buffer, bytes: number): Buffer {
  const own = hash(HASH, Buffer.concat([stretched, Buffer.alloc(4)]), 'buffer')
  const halves = [0x36, 0x5c].map((pad) => {
    const padded = Buffer.alloc(PAD_BYTES, pad)
    for (const [at, byte] of own.entries()) padded.writeUInt8(byte ^ pad, at)
    return hash(HASH, padded, 'buffer')
  })
  return Buffer.concat(halves).subarray(0, bytes)
}

/** What is behind the last whole block is left out. */
function decrypt(key: Buffer, bytes: Buffer): Buffer {
  const whole = bytes.subarray(0, bytes.length - (bytes.length % BLOCK_BYTES))
  return createDecipheriv(`aes-${8 * key.length}-ecb`, key, null)
    .setAutoPadding(false)
    .update(whole)
}
