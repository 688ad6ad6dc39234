import { Parser } from 'htmlparser2'

const CHUNK_BYTES = 1024 * 1024

interface Handlers {
  readonly open?: (name: string, attributes: Readonly<Record<string, string>>) => void
  readonly text?: (text: string) => void
  readonly close?: (name: string) => void
}

/** Reads XML from its beginning to its end; names come without their prefix. */
export function readXml(bytes: Buffer | undefined, { open, text, close }: Handlers): void {
  const local = (name: string) => name.slice(name.indexOf(':') + 1)
  const parser = new Parser(
    {
      onopentag: (name, attributes) => open?.(local(name), attributes),
      ontext: (data) => text?.(data),
      onclosetag: (name) => close?.(local(name)),
    },
    { xmlMode: true },
  )
  const decoder = new TextDecoder()
  for (let at = 0; at < (bytes?.length ?? 0); at += CHUNK_BYTES) {
    parser.write(decoder.decode(bytes?.subarray(at, at + CHUNK_BYTES), { stream: true }))
  }
  parser.end()
}
