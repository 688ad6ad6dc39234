import { text } from 'node:stream/consumers'
import { TaskError } from '../../../task/failure.ts'
import { asYouTube, CLIENT_HEADERS, loadVideo, type YouTubeOptions } from './player.ts'
import { pageError } from './refusals.ts'
import { chooseTrack } from './tracks.ts'

export interface Captions {
  /** Of the video. */
  readonly title: string
  /** With the chapters and the channel of the video, for the reader of what is spoken. */
  readonly text: string
  readonly notes: readonly string[]
}

/**
 * Fetches the captions of a video in the asked language, or in the one that suits best.
 *
 * @throws TaskError with the reason why there are none.
 */
export async function parseCaptions(
  options: YouTubeOptions,
  { id, language }: { readonly id: string; readonly language: string | undefined },
): Promise<Captions> {
  const video = await loadVideo(options, id)
  const choice = chooseTrack(video.tracks, language)
  if (choice === undefined) throw new TaskError('no_subtitles', 'This video has no captions.')
  const { baseUrl, connector, signal } = options
  const address = new URL(choice.track.path, baseUrl).href
  const { body } = await connector.fetch(address, { signal, headers: CLIENT_HEADERS }).catch(asYouTube)
  const captions = await text(body)
  if (captions.trim() === '')
    throw new TaskError('no_subtitles', 'YouTube sent the captions of this video empty.')
  if (/^\s*<(!doctype html|html)/i.test(captions)) throw pageError(captions)
  const { title, author, chapters } = video
  // With its parser, which few servers need.
  const { spokenText } = await import('../../parse/text/captions.ts')
  return {
    title,
    text: spokenText({ captions, chapters, author }),
    notes: choice.note === null ? [] : [choice.note],
  }
}
