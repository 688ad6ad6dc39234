import { text } from 'node:stream/consumers'
import { z } from 'zod'
import type { Connector } from '../../../fetch/connector.ts'
import { TaskError } from '../../../task/failure.ts'
import { chaptersIn, type VideoChapter } from './video-chapters.ts'
import { pageError, refusalOf } from './refusals.ts'
import type { CaptionTrack } from './tracks.ts'

/** Metadata of a video from the player. */
export interface Video {
  readonly title: string
  /** The channel; null when unknown. */
  readonly author: string | null
  readonly chapters: readonly VideoChapter[]
  readonly tracks: readonly CaptionTrack[]
}

export interface YouTubeOptions {
  readonly connector: Connector
  /** Where YouTube answers, e.g. `https://www.youtube.com`. */
  readonly baseUrl: string
  readonly signal: AbortSignal
}

/** This client still gets captions without a browser token; those of WEB answer with an empty body. */
const CLIENT = { clientName: 'ANDROID', clientVersion: '20.10.38', androidSdkVersion: 34, hl: 'en' }
export const CLIENT_HEADERS = {
  'user-agent': 'com.google.android.youtube/20.10.38 (Linux; U; Android 14)',
  accept: '*/*',
}

const name = z
  .object({ simpleText: z.string().optional(), runs: z.array(z.object({ text: z.string() })).optional() })
  .transform(({ simpleText, runs }) => simpleText ?? runs?.map((run) => run.text).join('') ?? '')

const playerReply = z.object({
  playabilityStatus: z.object({ status: z.string(), reason: z.string().default('') }),
  videoDetails: z
    .object({ title: z.string(), author: z.string().optional(), shortDescription: z.string().default('') })
    .optional(),
  captions: z
    .object({
      playerCaptionsTracklistRenderer: z.object({
        captionTracks: z
          .array(
            z.object({
              baseUrl: z.string(),
              languageCode: z.string(),
              kind: z.string().optional(),
              name: name.optional(),
            }),
          )
          .default([]),
      }),
    })
    .optional(),
})
type PlayerReply = z.output<typeof playerReply>

/**
 * Asks YouTube's player for a video's title and captions.
 *
 * @throws TaskError `video_not_found`, `access_forbidden`, `no_subtitles` or `rate_limited`, each for what
 *   YouTube reports; otherwise what the connector throws.
 */
export async function loadVideo({ connector, baseUrl, signal }: YouTubeOptions, id: string): Promise<Video> {
  const address = new URL('/youtubei/v1/player?prettyPrint=false', baseUrl).href
  const json = { context: { client: CLIENT }, videoId: id, contentCheckOk: true, racyCheckOk: true }
  const { body } = await connector.fetch(address, { signal, headers: CLIENT_HEADERS, json }).catch(asYouTube)
  const reply = toReply(await text(body))
  const { status, reason } = reply.playabilityStatus
  if (status !== 'OK') throw refusalOf(status, reason)
  const tracks = reply.captions?.playerCaptionsTracklistRenderer.captionTracks ?? []
  if (tracks.length === 0)
    throw new TaskError('no_subtitles', 'This video has no captions, or they are disabled.')
  return {
    title: reply.videoDetails?.title ?? `YouTube ${id}`,
    author: reply.videoDetails?.author ?? null,
    chapters: chaptersIn(reply.videoDetails?.shortDescription ?? ''),
    tracks: tracks.map((track) => ({
      path: pathOf(track.baseUrl),
      language: track.languageCode,
      label: track.name ?? track.languageCode,
      isAutomatic: track.kind === 'asr',
    })),
  }
}

/** An address that is ours cannot be the caller's mistake. */
export function asYouTube(error: unknown): never {
  const isOurs = error instanceof TaskError && error.errorType === 'invalid_url'
  throw isOurs ? new TaskError('unknown', 'YouTube does not answer as it used to.', { cause: error }) : error
}

/** Reads the reply; YouTube sends pages for people where it does not want to answer a program. */
function toReply(body: string): PlayerReply {
  if (/^\s*</.test(body)) throw pageError(body)
  try {
    return playerReply.parse(JSON.parse(body))
  } catch (error) {
    throw new TaskError('unknown', 'YouTube sent a reply that cannot be read.', { cause: error })
  }
}

/** Captions are fetched from the same place as the player, whatever host the reply names. */
function pathOf(address: string): string {
  if (!URL.canParse(address, 'https://www.youtube.com')) return address
  const { pathname, searchParams } = new URL(address, 'https://www.youtube.com')
  searchParams.set('fmt', 'json3')
  // Two slashes would name another host.
  return `${pathname.replace(/^\/+/, '/')}?${searchParams.toString()}`
}
