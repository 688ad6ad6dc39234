import { createCipheriv, hash } from 'node:crypto'

const SECTOR = 512
const MINI = 64
const CUTOFF = 4096
const END = 0xfffffffe
const FREE = 0xffffffff
const TABLE = 0xfffffffd

const pad = (bytes: Buffer, to: number) =>
  Buffer.concat([bytes, Buffer.alloc((to - (bytes.length % to)) % to)])
const numbers = (...values: readonly number[]) => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index)
  return bytes
}

/** A container of these streams (MS-CFB): small ones in the stream of the root, as Office writes it. */
export function compoundOf(streams: Readonly<Record<string, Buffer>>): Buffer {
  const sectors: Buffer[] = []
  const table: number[] = []
  const put = (content: Buffer) => {
    const start = sectors.length
    const padded = pad(content, SECTOR)
    for (let at = 0; at < padded.length; at += SECTOR) {
      sectors.push(padded.subarray(at, at + SECTOR))
      table.push(at + SECTOR < padded.length ? sectors.length : END)
    }
    return start
  }
  const mini: Buffer[] = []
  const miniTable: number[] = []
  const putSmall = (content: Buffer) => {
    const start = miniTable.length
    const count = Math.ceil(content.length / MINI)
    for (let index = 1; index <= count; index++) miniTable.push(index < count ? start + index : END)
    mini.push(pad(content, MINI))
    return start
  }
  const entry = (name: string, kind: number, [start, bytes]: readonly [number, number]) => {
    const made = Buffer.alloc(128)
    made.write(name, 'utf16le')
    made.writeUInt16LE(2 * name.length + 2, 64)
    made.writeUInt8(kind, 66)
    numbers(FREE, FREE, FREE).copy(made, 68)
    numbers(start, bytes).copy(made, 116)
    return made
  }
  const entries = Object.entries(streams).map(([name, content]) => {
    const start = content.length < CUTOFF ? putSmall(content) : put(content)
    return entry(name, 2, [start, content.length])
  })
  const container = Buffer.concat(mini)
  const root = entry('Root Entry', 5, [put(container), container.length])
  const directoryAt = put(Buffer.concat([root, ...entries]))
  const miniTableAt = put(numbers(...miniTable))
  const tableSectors = Math.ceil(sectors.length / (SECTOR / 4 - 1))
  const tableAt = Array.from({ length: tableSectors }, (_, index) => sectors.length + index)
  const header = Buffer.alloc(SECTOR, 0xff)
  header.fill(0, 0, 76)
  header.write('d0cf11e0a1b11ae1', 'hex')
  for (const [at, value] of [
    [24, 0x3e],
    [26, 3],
    [28, 0xfffe],
    [30, 9],
    [32, 6],
  ] as const)
    header.writeUInt16LE(value, at)
  numbers(tableSectors, directoryAt, 0, CUTOFF, miniTableAt, 1, END, 0, ...tableAt).copy(header, 44)
  const own = Buffer.alloc(SECTOR * tableSectors, 0xff)
  numbers(...table, ...tableAt.map(() => TABLE)).copy(own)
  return Buffer.concat([header, ...sectors, own])
}

const sized = (content: Buffer) => {
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(content.length))
  return size
}

function stretch(name: string, [salt, password]: readonly [Buffer, string], rounds: number): Buffer {
  let made = hash(name, Buffer.concat([salt, Buffer.from(password, 'utf16le')]), 'buffer')
  for (let round = 0; round < rounds; round++)
    made = hash(name, Buffer.concat([numbers(round), made]), 'buffer')
  return made
}

/** As Office 2007 encrypts a package: AES-128 in ECB, SHA-1. */
export function encryptStandard(content: Buffer, password: string): Buffer {
  const salt = Buffer.from('0123456789abcdef')
  const final = hash('sha1', Buffer.concat([stretch('sha1', [salt, password], 50_000), numbers(0)]), 'buffer')
  const padded = Buffer.alloc(64, 0x36)
  for (const [at, byte] of final.entries()) padded[at] = byte ^ 0x36
  const key = hash('sha1', padded, 'buffer').subarray(0, 16)
  const encrypt = (bytes: Buffer) =>
    createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(pad(bytes, 16))
  const verifier = Buffer.from('fedcba9876543210')
  const provider = Buffer.from('Microsoft Enhanced RSA and AES Cryptographic Provider\0', 'utf16le')
  const header = Buffer.concat([numbers(0x24, 0, 0x660e, 0x8004, 128, 0x18, 0, 0), provider])
  const info = Buffer.concat([
    Buffer.from('0400020024000000', 'hex'),
    numbers(header.length),
    header,
    numbers(16),
    salt,
    encrypt(verifier),
    numbers(20),
    pad(encrypt(hash('sha1', verifier, 'buffer')), 32),
  ])
  return compoundOf({
    EncryptedPackage: Buffer.concat([sized(content), encrypt(content)]),
    EncryptionInfo: info,
  })
}

interface AgileOptions {
  /** As Office writes it: 100 000. */
  readonly rounds?: number
  /** What the file says, when it is not the truth. */
  readonly saidRounds?: string
}

/** As Office 2010 and later encrypts a package: AES-256 in CBC, SHA-512, in segments. */
export function encryptAgile(content: Buffer, password: string, options: AgileOptions = {}): Buffer {
  const { rounds = 100_000, saidRounds = `${rounds}` } = options
  const [salt, contentSalt] = [Buffer.from('0123456789abcdef'), Buffer.from('ghijklmnopqrstuv')]
  const stretched = stretch('sha512', [salt, password], rounds)
  const encrypt = (key: Buffer, iv: Buffer, bytes: Buffer) =>
    createCipheriv('aes-256-cbc', key, iv.subarray(0, 16)).setAutoPadding(false).update(pad(bytes, 16))
  const seal = (purpose: string, bytes: Buffer) => {
    const key = hash('sha512', Buffer.concat([stretched, Buffer.from(purpose, 'hex')]), 'buffer').subarray(
      0,
      32,
    )
    return encrypt(key, salt, bytes).toString('base64')
  }
  const key = Buffer.from('0123456789abcdef0123456789ABCDEF')
  const verifier = Buffer.from('fedcba9876543210')
  const segments = Array.from({ length: Math.ceil(content.length / 4096) }, (_, index) => {
    const iv = hash('sha512', Buffer.concat([contentSalt, numbers(index)]), 'buffer')
    return encrypt(key, iv, content.subarray(index * 4096, (index + 1) * 4096))
  })
  const cipher = (bytes: Buffer) =>
    `saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" saltValue="${bytes.toString('base64')}"`
  const info = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<encryption xmlns="http://schemas.microsoft.com/office/2006/encryption" xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password"><keyData ${cipher(contentSalt)}/><keyEncryptors><keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password"><p:encryptedKey spinCount="${saidRounds}" ${cipher(salt)} encryptedVerifierHashInput="${seal('fea7d2763b4b9e79', verifier)}" encryptedVerifierHashValue="${seal('d7aa0f6d3061344e', hash('sha512', verifier, 'buffer'))}" encryptedKeyValue="${seal('146e0be7abacd0d6', key)}"/></keyEncryptor></keyEncryptors></encryption>`
  return compoundOf({
    EncryptedPackage: Buffer.concat([sized(content), ...segments]),
    EncryptionInfo: Buffer.concat([Buffer.from('0400040040000000', 'hex'), Buffer.from(info)]),
  })
}
