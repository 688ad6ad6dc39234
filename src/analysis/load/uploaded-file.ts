import { createHash } from 'node:crypto'
import { parse } from 'node:path'
import type { Context } from '../../handler/context/context.ts'
import { TaskError } from '../../task/failure.ts'
import { NOTHING_KEPT, type LoadedDocument } from './loaded.ts'

interface Titled {
  readonly title?: string | undefined
}

/** The file that came with the task. */
export function loadUpload(ctx: Context, { title }: Titled): LoadedDocument {
  if (ctx.upload === null) throw new TaskError('internal', 'The task has no file.')
  const { path, mediaType, sha256, name } = ctx.upload
  const origin = { kind: 'upload', name: name === '' ? null : name, url: null, mediaType, sha256 } as const
  return {
    mediaType,
    open: () => Promise.resolve({ kind: 'file', path, mediaType }),
    request: { title: title ?? null, fallbackTitle: parse(name).name || name, origin },
    release: NOTHING_KEPT,
  }
}

/** Text that came with the request. */
export function loadText(text: string, { title }: Titled): LoadedDocument {
  const sha256 = createHash('sha256').update(text).digest('hex')
  const mediaType = 'text/plain'
  return {
    mediaType,
    open: () => Promise.resolve({ kind: 'text', text, mediaType }),
    request: {
      title: title ?? null,
      fallbackTitle: 'Text',
      origin: { kind: 'text', name: null, url: null, mediaType, sha256 },
    },
    release: NOTHING_KEPT,
  }
}
