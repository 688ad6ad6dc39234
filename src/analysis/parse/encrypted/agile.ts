import { createDecipheriv, hash } from 'node:crypto'
import { DOMParser } from 'linkedom'
import { findFirst, type XmlElement } from '../office/xml.ts'
import { BLOCK_BYTES, SIZE_BYTES, stretchPassword } from './password.ts'

/** Office writes 100 000; a file may name any number, and each round costs time. */
const MAX_ROUNDS = 1_000_000
const SEGMENT_BYTES = 4096
/** What a key is made for (2.3.4.13). */
const VERIFIER_INPUT = Buffer.from('fea7d2763b4b9e79', 'hex')
const VERIFIER_HASH = Buffer.from('d7aa0f6d3061344e', 'hex')
const PACKAGE_KEY = Buffer.from('146e0be7abacd0d6', 'hex')
const PADDING = 0x36
const HASHES: Readonly<Record<string, string>> = {
  SHA1: 'sha1',
  SHA256: 'sha256',
  SHA384: 'sha384',
  SHA512: 'sha512',
}
const KEY_BITS = new Set([128, 192, 256])

interface Cipher {
  readonly hashName: string
  readonly keyBytes: number
  readonly salt: Buffer
}

/**
 * The package in a file under "agile" encryption (MS-OFFCRYPTO 2.3.4.10 to 2.3.4.15), when `password` opens it; undefined when
 * it does not, or for algorithms and numbers of rounds that Office does not write.
 */
export function decryptAgile(info: Buffer, encrypted: Buffer, password: string): Buffer | undefined {
  const root = new DOMParser().parseFromString(info.toString('utf8'), 'text/xml') as unknown as XmlElement
  const keyData = findFirst(root, 'keyData')
  const encryptor = findFirst(root, 'p:encryptedKey')
  const content = keyData && toCipher(keyData)
  const own = encryptor && toCipher(encryptor)
  const rounds = Number(encryptor?.getAttribute('spinCount') ?? Infinity)
  if (content === undefined || own === undefined || !(rounds <= MAX_ROUNDS)) return undefined
  const stretched = stretchPassword(password, { ...own, rounds })
  const open = (name: string, purpose: Buffer) => {
    const key = fit(hash(own.hashName, Buffer.concat([stretched, purpose]), 'buffer'), own.keyBytes)
    return decrypt(key, fit(own.salt, BLOCK_BYTES), readBytes(encryptor, name))
  }
  const verifier = hash(own.hashName, open('encryptedVerifierHashInput', VERIFIER_INPUT), 'buffer')
  const expected = open('encryptedVerifierHashValue', VERIFIER_HASH).subarray(0, verifier.length)
  if (!verifier.equals(expected)) return undefined
  const key = open('encryptedKeyValue', PACKAGE_KEY)
  return key.length < content.keyBytes
    ? undefined
    : decryptSegments(content, key.subarray(0, content.keyBytes), encrypted)
}

/** Each segment begins anew, with its number (2.3.4.15). */
function decryptSegments({ hashName, salt }: Cipher, key: Buffer, encrypted: Buffer): Buffer {
  const made = Buffer.alloc(Math.max(0, encrypted.length - SIZE_BYTES))
  const number = Buffer.alloc(4)
  for (let at = 0; at < made.length; at += SEGMENT_BYTES) {
    number.writeUInt32LE(at / SEGMENT_BYTES)
    const iv = fit(hash(hashName, Buffer.concat([salt, number]), 'buffer'), BLOCK_BYTES)
    decrypt(key, iv, encrypted.subarray(SIZE_BYTES + at, SIZE_BYTES + at + SEGMENT_BYTES)).copy(made, at)
  }
  return made
}

function toCipher(element: XmlElement | undefined): Cipher | undefined {
  const read = (name: string) => element?.getAttribute(name) ?? ''
  const hashName = HASHES[read('hashAlgorithm').replace('-', '')]
  const keyBits = Number(read('keyBits'))
  const isKnown =
    read('cipherAlgorithm') === 'AES' && read('cipherChaining') === 'ChainingModeCBC' && KEY_BITS.has(keyBits)
  if (element === undefined || hashName === undefined || !isKnown) return undefined
  return { hashName, keyBytes: keyBits / 8, salt: readBytes(element, 'saltValue') }
}

function readBytes(element: XmlElement | undefined, name: string): Buffer {
  return Buffer.from(element?.getAttribute(name) ?? '', 'base64')
}

/** Cut, or made longer, to a number of bytes. */
function fit(bytes: Buffer, length: number): Buffer {
  return bytes.length >= length
    ? bytes.subarray(0, length)
    : Buffer.concat([bytes, Buffer.alloc(length - bytes.length, PADDING)])
}

/** What is behind the last whole block is left out. */
function decrypt(key: Buffer, iv: Buffer, bytes: Buffer): Buffer {
  const decipher = createDecipheriv(`aes-${8 * key.length}-cbc`, key, iv).setAutoPadding(false)
  return decipher.update(bytes)
}
