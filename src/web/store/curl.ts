import type { TaskWithResult } from '../../client/index.ts'

export interface CurlOptions {
  /** Of the server, without a slash at its end. */
  readonly url: string
  /** Whether the server asks for a token. */
  readonly hasToken: boolean
}

/** The command that submits a task like this one. */
export function toCurl(task: TaskWithResult, { url, hasToken }: CurlOptions): string {
  const { type, input, upload, priority_name: priority } = task
  const token = hasToken ? ['-H "Authorization: Bearer $HEADGATE_TOKEN"'] : []
  if (upload !== null) {
    const fields = Object.entries((input ?? {}) as Record<string, unknown>)
      .filter(([, value]) => value != null)
      .map(([name, value]) => {
        const text = typeof value === 'string' ? value : JSON.stringify(value)
        return `--form-string ${quote(`${name}=${text}`)}`
      })
    const file = `-F ${quote(`file=@"${upload.name.replaceAll(/["\\]/g, '\\$&')}"`)}`
    const address = quote(`${url}/${encodeURIComponent(type)}?priority=${priority}`)
    return ['curl', ...token, ...fields, file, address].join(' ')
  }
  const body = JSON.stringify({ type, input: input ?? {}, priority })
  const json = "-H 'content-type: application/json'"
  return ['curl', ...token, json, '-d', quote(body), quote(`${url}/api/tasks`)].join(' ')
}

/** A word of a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
