import { createHmac, timingSafeEqual } from 'node:crypto'

/** Seals small values with HMAC-SHA-256, so that a bearer can hold them and none has to be kept. */
export class Seal {
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  /** The value as JSON in base64url, a dot, and its seal. */
  seal(value: unknown): string {
    const body = Buffer.from(JSON.stringify(value)).toString('base64url')
    return `${body}.${this.#sign(body).toString('base64url')}`
  }

  /** The value of a text that this seal has made; undefined for any other. */
  open(text: string): unknown {
    const [body = '', seal = '', ...rest] = text.split('.')
    const given = Buffer.from(seal, 'base64url')
    const right = this.#sign(body)
    if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right)) return undefined
    return JSON.parse(Buffer.from(body, 'base64url').toString())
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest()
  }
}
