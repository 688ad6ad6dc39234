const HOSTS = /^(?:(?:www|m|music)\.)?(?:youtube\.com|youtube-nocookie\.com)$/
const SHORT_HOST = 'youtu.be'
/** Paths that name the video in their next part. */
const VIDEO_PATHS = new Set(['shorts', 'live', 'embed', 'v'])
const VIDEO_ID = /^[\w-]{11}$/

/** What kind of video link an address is: with an id, or without the id that it should have. */
export type VideoLink =
  { readonly kind: 'video'; readonly id: string } | { readonly kind: 'broken' } | { readonly kind: 'none' }

/** Recognises watch, youtu.be, shorts, live and embed links of YouTube. */
export function parseVideoLink(address: string): VideoLink {
  if (!URL.canParse(address)) return { kind: 'none' }
  const { hostname, pathname, searchParams } = new URL(address)
  const [first = '', second = ''] = pathname.split('/').filter(Boolean)
  if (hostname === SHORT_HOST) return linkTo(first)
  if (!HOSTS.test(hostname)) return { kind: 'none' }
  if (first === 'watch') return linkTo(searchParams.get('v') ?? '')
  return VIDEO_PATHS.has(first) ? linkTo(second) : { kind: 'none' }
}

function linkTo(id: string): VideoLink {
  return VIDEO_ID.test(id) ? { kind: 'video', id } : { kind: 'broken' }
}
