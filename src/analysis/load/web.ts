import type { Connector, Fetched } from '../../fetch/connector.ts'
import type { Context } from '../../handler/context/context.ts'
import { fetchedBy, type PutReply, type UploadStore } from '../../uploads/upload-store.ts'
import { TaskError } from '../../task/failure.ts'
import type { Upload } from '../../task/task.ts'
import { reportStage } from '../stages.ts'
import type { LoadedDocument } from './loaded.ts'

/** The resource of downloads: this many run at once, over all tasks. */
export const DOWNLOAD = 'download'
/** The step of a task that fetches. */
export const FETCH = 'fetch'

export interface AddressDeps {
  readonly connector: Connector
  readonly uploadStore: UploadStore
  readonly maxFetchBytes: number
  /** Media types that can be read here. */
  readonly accept: readonly string[]
}

const EMPTY = ['Look at the address in a browser: a page that is made by scripts has no text of its own.']

/** What an address leads to; it is kept in the upload store until the task is over. */
export async function loadAddress(
  deps: AddressDeps,
  {
    url,
    title,
    language,
  }: { readonly url: string; readonly title?: string | undefined; readonly language?: string | undefined },
  ctx: Context,
): Promise<LoadedDocument> {
  const { uploadStore } = deps
  const place = { spoolId: fetchedBy(ctx.taskId) }
  reportStage(ctx, 'fetching')
  const headers = language === undefined ? {} : { 'accept-language': language }
  const { file, charset, address } = await ctx.step(FETCH, async () => {
    return ctx.resource(DOWNLOAD, {}, async () => {
      const fetched = await deps.connector.fetch(url, { signal: ctx.signal, headers })
      const kept = await keep(deps, fetched, place.spoolId)
      return { file: kept, charset: findCharset(fetched.contentType), address: fetched.url }
    })
  })
  const { mediaType, sha256 } = file
  return {
    mediaType,
    open: async () => ({ kind: 'file', path: await uploadStore.open(file), mediaType, charset }),
    request: {
      title: title ?? null,
      fallbackTitle: new URL(url).host,
      origin: { kind: 'web', name: null, url: address, mediaType, sha256 },
    },
    release: () => uploadStore.remove(place),
  }
}

async function keep(
  { uploadStore, maxFetchBytes, accept }: AddressDeps,
  { body }: Fetched,
  spoolId: string,
): Promise<Upload> {
  const put = await uploadStore.put(body, {
    spoolId,
    name: 'fetched',
    maxBytes: maxFetchBytes,
    accept,
  })
  return toStored(put)
}

function toStored(put: PutReply): Upload {
  switch (put.kind) {
    case 'stored':
      return put.upload
    case 'empty':
      throw new TaskError('no_text', 'The address leads to an empty document.', { suggestions: EMPTY })
    case 'too-large':
      throw new TaskError('input_too_large', `The document is larger than ${put.maxBytes} bytes.`)
    case 'unsupported':
      throw new TaskError(
        'unsupported_format',
        `The address leads to ${put.mediaType}, which cannot be read.`,
      )
  }
}

/** `text/html; charset=gb2312` → `gb2312`. */
function findCharset(contentType: string | null): string | null {
  return /;\s*charset\s*=\s*"?([\w-]+)/i.exec(contentType ?? '')?.[1] ?? null
}
