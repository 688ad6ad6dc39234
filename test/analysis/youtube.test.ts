import { ANALYSIS_FAILURES } from '../../src/analysis/failures.ts'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { chaptersIn } from '../../src/analysis/load/youtube/video-chapters.ts'
import { parseVideoLink } from '../../src/analysis/load/youtube/link.ts'
import { refusalOf } from '../../src/analysis/load/youtube/refusals.ts'
import { chooseTrack, type CaptionTrack } from '../../src/analysis/load/youtube/tracks.ts'
import { startServer } from '../support/server.ts'

const ID = 'aBcDeFgHi_-'

test.each([
  `https://www.youtube.com/watch?v=${ID}`,
  `http://youtube.com/watch?list=x&v=${ID}&t=5`,
  `https://m.youtube.com/watch?v=${ID}`,
  `https://music.youtube.com/watch?v=${ID}`,
  `https://youtu.be/${ID}?si=abc`,
  `https://www.youtube.com/shorts/${ID}`,
  `https://www.youtube.com/live/${ID}?feature=share`,
  `https://www.youtube.com/embed/${ID}`,
  `https://www.youtube-nocookie.com/embed/${ID}`,
  `https://www.youtube.com/v/${ID}`,
])('%s names a video', (url) => {
  expect(parseVideoLink(url)).toEqual({ kind: 'video', id: ID })
})

test.each([
  ['https://www.youtube.com/watch', 'broken'],
  ['https://youtu.be/short', 'broken'],
  ['https://www.youtube.com/@somebody', 'none'],
  [`https://youtube.com.evil.example/watch?v=${ID}`, 'none'],
  [`https://example.com/watch?v=${ID}`, 'none'],
])('%s is %s', (url, kind) => {
  expect(parseVideoLink(url)).toEqual({ kind })
})

const track = (language: string, isAutomatic = false): CaptionTrack => ({
  path: '/',
  language,
  label: `${language}${isAutomatic ? ' (auto)' : ''}`,
  isAutomatic,
})

test.each([
  ['what was asked for', ['de', 'en', 'fr'], 'fr', 'fr'],
  ['a relative of it', ['de', 'pt-BR'], 'pt', 'pt-BR'],
  ['written before automatic', ['*en', 'en'], 'en', 'en'],
  ['automatic when nobody wrote any', ['*en', 'de'], 'en', 'en (auto)'],
  ['the spoken language when nothing is asked for', ['de', 'en', 'fr', '*fr'], undefined, 'fr'],
  ['English when nothing says what is spoken', ['de', 'en'], undefined, 'en'],
  ['the first when there is no English', ['zh', 'cs'], undefined, 'zh'],
  ['another one with a note', ['de'], 'fr', 'de'],
])('the choice of captions is %s', (_name, given, asked, label) => {
  const tracks = given.map((text) => track(text.replace('*', ''), text.startsWith('*')))
  const choice = chooseTrack(tracks, asked)
  expect(choice?.track.label).toBe(label)
  if (asked === 'fr' && label === 'de')
    expect(choice?.note).toBe('The video has no captions in "fr"; these are de.')
})

interface Replies {
  readonly player?: unknown
  readonly status?: number
  readonly captions?: string
}

/** A server in front of a loopback host that answers as YouTube does. */
async function setup({ player = {}, status = 200, captions = '' }: Replies) {
  const asked: { url: string; body: string }[] = []
  const fake = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      asked.push({ url: request.url ?? '', body: Buffer.concat(chunks).toString() })
      if (request.url?.startsWith('/api/timedtext')) return response.end(captions)
      response.writeHead(status, { 'retry-after': '120' })
      response.end(typeof player === 'string' ? player : JSON.stringify(player))
    })
  })
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void fake.close())
  const youTubeUrl = `http://127.0.0.1:${(fake.address() as AddressInfo).port}`
  const server = await startServer({ settings: { youTubeUrl } })
  const summarize = async (input: Record<string, unknown> = {}) => {
    const { body } = await server.post('/summarize', { url: `https://youtu.be/${ID}`, ...input })
    return server.ended(body['task_id'])
  }
  return { ...server, summarize, asked }
}

const captionTracks = [
  {
    baseUrl: 'https://www.youtube.com/api/timedtext?lang=zh',
    languageCode: 'zh',
    name: { simpleText: 'Chinese' },
  },
  {
    baseUrl: 'https://www.youtube.com/api/timedtext?lang=en',
    languageCode: 'en',
    name: { runs: [{ text: 'English' }] },
  },
  { baseUrl: 'https://www.youtube.com/api/timedtext?lang=en&kind=asr', languageCode: 'en', kind: 'asr' },
]
const playable = {
  playabilityStatus: { status: 'OK' },
  videoDetails: { title: 'How mills work' },
  captions: { playerCaptionsTracklistRenderer: { captionTracks } },
}
const captions = JSON.stringify({
  events: [
    { tStartMs: 1000, segs: [{ utf8: 'A mill takes only as much water as its wheel can bear.' }] },
    { tStartMs: 65_000, segs: [{ utf8: 'The gate in front of it holds the rest of the river back.' }] },
  ],
})

test('a link becomes a report on what is said, with the times at which it is said', async () => {
  const { summarize, asked } = await setup({ player: playable, captions })
  const { status, result } = await summarize()
  expect([status, result.title, result.language]).toEqual(['completed', 'How mills work', 'en'])
  expect(result.markdown).toContain(`holds the rest of the river back. ([1:05](https://youtu.be/${ID}?t=65))`)
  expect(asked[0]?.body).toContain(`"videoId":"${ID}"`)
  expect(asked[1]?.url).toBe('/api/timedtext?lang=en&fmt=json3')
})

test('the chapters of a video are the sections of its report, its channel the author', async () => {
  const shortDescription = 'All about mills\n\n0:00 Water\n(0:40) – Gates\nThe end 1:30\n'
  const videoDetails = { title: 'How mills work', author: 'Mill TV', shortDescription }
  const { summarize } = await setup({ player: { ...playable, videoDetails }, captions })
  const { result } = await summarize()
  const headings = [...result.markdown.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading)
  expect(result.provenance).toMatchObject({
    source: 'youtube',
    author: 'Mill TV',
    url: expect.stringContaining(ID),
  })
  expect(headings.every((heading) => ['Water', 'Gates'].includes(heading ?? ''))).toBe(true)
  const points = result.key_points.flatMap((section: { points: { heading: string }[] }) => section.points)
  expect([...points, { heading: 'Water' }].map(({ heading }) => heading)).toContain('Water')
})

test.each([
  ['0:00 Intro\n1:00 Middle\n2:00 End', ['Intro', 'Middle', 'End']],
  ['Intro - 00:00\nMiddle - 01:00\nEnd - 1:02:00', ['Intro', 'Middle', 'End']],
  ['0:00 Intro\n2:00 End', []],
  ['0:10 Intro\n1:00 Middle\n2:00 End', []],
  ['0:00 Intro\n2:00 Middle\n1:00 End', []],
  ['See https://example.com at 10:30', []],
])('chapters are read as YouTube takes them: %j', (description, titles) => {
  expect(chaptersIn(description).map(({ title }) => title)).toEqual(titles)
})

test('the asked language is taken', async () => {
  const { summarize, asked } = await setup({ player: playable, captions })
  expect((await summarize({ language: 'zh' }))['status']).toBe('completed')
  expect(asked[1]?.url).toBe('/api/timedtext?lang=zh&fmt=json3')
})

const playability = (status: string, reason: string) => ({
  player: { playabilityStatus: { status, reason } },
})

test('too many requests park the task for as long as YouTube asks', async () => {
  const { post, get, asked } = await setup({ player: '<html></html>', status: 429 })
  const { body } = await post('/summarize', { url: `https://youtu.be/${ID}` })
  const read = async () => (await get(body['urls'].self)).body
  await expect.poll(read).toMatchObject({ status: 'waiting', wait_reason: 'rate_limit', attempt: 0 })
  const { wait_until: until, runs } = await read()
  expect(Math.abs(Date.parse(until) - Date.parse(runs[0].ended_at) - 120_000)).toBeLessThan(1000)
  expect([runs[0].error_type, asked.length]).toEqual(['rate_limited', 1])
})

test.each<[string, Replies, string]>([
  ['an unavailable video', playability('ERROR', 'This video is unavailable'), 'video_not_found'],
  ['a video without captions', { player: { ...playable, captions: undefined } }, 'no_subtitles'],
  ['empty captions', { player: playable, captions: '' }, 'no_subtitles'],
  ['a test for robots', { player: '<!DOCTYPE html><div class="g-recaptcha"></div>' }, 'rate_limited'],
  [
    'a word about robots',
    playability('LOGIN_REQUIRED', 'Sign in to confirm you’re not a bot'),
    'rate_limited',
  ],
  [
    'an age limit',
    playability('LOGIN_REQUIRED', 'This video may be inappropriate for some users.'),
    'access_forbidden',
  ],
  ['a private video', playability('UNPLAYABLE', 'This video is private'), 'access_forbidden'],
  ['a video for members', playability('UNPLAYABLE', 'Join this channel to get access'), 'access_forbidden'],
  [
    'a video of another country',
    playability('UNPLAYABLE', 'Not available in your country'),
    'access_forbidden',
  ],
  [
    'a stream that has not begun',
    playability('LIVE_STREAM_OFFLINE', 'This live event will begin soon'),
    'no_subtitles',
  ],
  [
    'a video that was removed',
    playability('ERROR', 'This video has been removed by the uploader'),
    'video_not_found',
  ],
  [
    'a consent page',
    { player: '<html><form action="https://consent.youtube.com/save">' },
    'access_forbidden',
  ],
  [
    'a consent page for captions',
    { player: playable, captions: '<!doctype html>consent.youtube.com' },
    'access_forbidden',
  ],
  ['nonsense', { player: 'nonsense' }, 'unknown'],
])('%s ends by its name, with a suggestion', async (_name, replies, errorType) => {
  const { summarize } = await setup(replies)
  const { status, error } = await summarize()
  expect([status, error.error_type]).toEqual(['error', errorType])
  expect(error.suggestions[0]).toMatch(/^[A-Z].{10}/)
})

test('a link that names no video is refused at once', async () => {
  const server = await startServer()
  const { status, body } = await server.post('/summarize', { url: 'https://www.youtube.com/watch?v=short' })
  expect([status, body['errors'][0].message]).toEqual([422, 'this YouTube link names no video'])
})

test('every refusal has a suggestion of its own', () => {
  const outcomes = [
    ['LOGIN_REQUIRED', 'Sign in to confirm you’re not a bot'],
    ['LOGIN_REQUIRED', 'Sign in to confirm your age'],
    ['UNPLAYABLE', 'This video is private'],
    ['UNPLAYABLE', 'Join this channel'],
    ['UNPLAYABLE', 'Not available in your country'],
    ['LIVE_STREAM_OFFLINE', ''],
    ['ERROR', 'This video is unavailable'],
    ['ERROR', 'removed'],
    ['UNPLAYABLE', 'Something else'],
  ].map(([status = '', reason = '']) => refusalOf(status, reason).toFailure(ANALYSIS_FAILURES).suggestions[0])
  expect(new Set(outcomes).size).toBe(outcomes.length)
})

test('a description of nothing but dashes is done with at once', () => {
  const startedAt = process.cpuUsage().user
  expect(chaptersIn(`${'- '.repeat(2500)}\n${' '.repeat(5000)}x`)).toEqual([])
  expect((process.cpuUsage().user - startedAt) / 1_000_000).toBeLessThan(2)
})
