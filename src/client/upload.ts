import type { Fetch } from './http.ts'

/** Bytes that have left, and how many there are. */
export type OnProgress = (sent: number, total: number) => void

/** What of XMLHttpRequest is used. */
interface Xhr extends EventTarget {
  readonly upload: EventTarget
  readonly status: number
  readonly responseText: string
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  getAllResponseHeaders(): string
  send(body: unknown): void
  abort(): void
}

const XhrClass = (globalThis as { XMLHttpRequest?: new () => Xhr }).XMLHttpRequest

/**
 * A fetch that reports how much of its body has left. Browsers tell that by XMLHttpRequest alone; elsewhere only the start
 * and the end are reported.
 */
export function fetchWithProgress(onProgress: OnProgress, total: number, usual: Fetch): Fetch {
  if (XhrClass !== undefined) return (url, init) => sendByXhr(new XhrClass(), { url, init, onProgress })
  return async (url, init) => {
    onProgress(0, total)
    const response = await usual(url, init)
    onProgress(total, total)
    return response
  }
}

interface Sending {
  readonly url: string
  readonly init: RequestInit
  readonly onProgress: OnProgress
}

function sendByXhr(xhr: Xhr, { url, init, onProgress }: Sending): Promise<Response> {
  const { method = 'GET', body, signal } = init
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    xhr.open(method, url)
    for (const [name, value] of Object.entries(init.headers ?? {})) xhr.setRequestHeader(name, String(value))
    xhr.upload.addEventListener('progress', (event) => {
      const { loaded, total } = event as unknown as { loaded: number; total: number }
      onProgress(loaded, total)
    })
    xhr.addEventListener('load', () => {
      const text = xhr.status === 204 ? null : xhr.responseText
      resolve(new Response(text, { status: xhr.status, headers: parseHeaders(xhr.getAllResponseHeaders()) }))
    })
    xhr.addEventListener('error', () => reject(new TypeError('The upload failed: no connection.')))
    xhr.addEventListener('abort', () => reject(signal?.reason as Error))
    signal?.addEventListener('abort', () => xhr.abort(), { once: true })
    xhr.send(body)
  })
}

function parseHeaders(text: string): Headers {
  const headers = new Headers()
  for (const line of text.trim().split(/\r?\n/)) {
    const [name, ...value] = line.split(': ')
    if (name !== undefined && name !== '') headers.append(name, value.join(': '))
  }
  return headers
}

/** Bytes of a form, its frame aside. */
export function countBytes(form: FormData): number {
  let sum = 0
  for (const value of form.values()) sum += typeof value === 'string' ? value.length : value.size
  return sum
}
