import type { Task } from './task.ts'

const MAX_TITLE_CHARS = 200

/** Parameters that say which page an address means, such as the video of a player; all others may be secret. */
const SHOWN_PARAMETERS = new Set(['v'])

/**
 * What people know a task by: the title in its metadata, else in its input, else the name of its file, else the
 * address that it reads, without its query. Null: none of these is given.
 */
export function toTitle({
  metadata,
  input,
  upload,
}: Pick<Task, 'metadata' | 'input' | 'upload'>): string | null {
  const { title, url } = (typeof input === 'object' ? (input ?? {}) : {}) as {
    title?: unknown
    url?: unknown
  }
  const found = toText(metadata?.['title']) ?? toText(title) ?? toText(upload?.name) ?? toAddress(url)
  return found === null ? null : cut(found)
}

function toText(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}

function toAddress(url: unknown): string | null {
  if (typeof url !== 'string' || !URL.canParse(url)) return null
  const { origin, pathname, searchParams } = new URL(url)
  const hidden = Array.from(searchParams.keys()).filter((name) => !SHOWN_PARAMETERS.has(name))
  for (const name of hidden) searchParams.delete(name)
  return `${origin}${pathname}${searchParams.size === 0 ? '' : `?${searchParams.toString()}`}`
}

function cut(title: string): string {
  return title.length <= MAX_TITLE_CHARS ? title : `${title.slice(0, MAX_TITLE_CHARS - 1)}…`
}
