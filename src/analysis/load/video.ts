import { createHash } from 'node:crypto'
import type { Connector } from '../../fetch/connector.ts'
import type { Context } from '../../handler/context/context.ts'
import { YOUTUBE_CAPTIONS } from '../parse/media-types.ts'
import { reportStage } from '../stages.ts'
import { DOWNLOAD, FETCH } from './web.ts'
import { NOTHING_KEPT, type LoadedDocument } from './loaded.ts'
import { parseCaptions } from './youtube/fetch-captions.ts'

export interface VideoDeps {
  readonly connector: Connector
  /** Where YouTube answers. */
  readonly youTubeUrl: string
}

/** The words spoken in a video, from its captions. */
export async function loadVideo(
  { connector, youTubeUrl: baseUrl }: VideoDeps,
  {
    id,
    title,
    language,
  }: { readonly id: string; readonly title?: string | undefined; readonly language?: string | undefined },
  ctx: Context,
): Promise<LoadedDocument> {
  reportStage(ctx, 'fetching', { message: 'Asking YouTube for the captions' })
  const { signal } = ctx
  const captions = await ctx.step(FETCH, () =>
    ctx.resource(DOWNLOAD, {}, () => parseCaptions({ connector, baseUrl, signal }, { id, language })),
  )
  const { text, notes } = captions
  const sha256 = createHash('sha256').update(text).digest('hex')
  const url = `https://www.youtube.com/watch?v=${id}`
  const mediaType = YOUTUBE_CAPTIONS
  return {
    mediaType,
    open: () => Promise.resolve({ kind: 'text', text, mediaType }),
    request: {
      title: title ?? null,
      fallbackTitle: captions.title,
      origin: { kind: 'youtube', name: captions.title, url, mediaType, sha256 },
      timeLink: `https://youtu.be/${id}?t=`,
      notes,
    },
    release: NOTHING_KEPT,
  }
}
