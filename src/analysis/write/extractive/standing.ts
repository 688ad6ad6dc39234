import { isHalfQuoted, type Sentence } from './sentences.ts'

/** Sections that are about the text, not of it. */
const APPARATUS =
  /^(?:(?:[A-Z]\.?)?(?:\d+\.?)*\s+|\d+(?:\.\d+)*\.?\s*)?(?:(?:table of )?contents|references|bibliography|acknowledge?ments?|see also|external links|further reading|notes|footnotes|index|copyright|licen[sc](?:e|es|ing)|copying|[\p{L} ]{0,40}\blicen[sc]e|[\p{L}: ]{0,20}how to (?:use|apply) [\p{L} ]{0,20}licen[sc]e[\p{L} ]{0,30}|legal (?:notices?|information)|disclaimer|colophon|目录|索引|参考文献|参考资料|相关文档|致谢|注释|版权(?:声明|信息)?|许可(?:证|协议)?|授权协议|免责声明)[^\p{L}\p{N}]*$/iu

/** Sentences about the text, its rights or its publication. */
const NOTICE = new RegExp(
  [
    'permission (?:is (?:hereby )?granted|to make digital)',
    'copy of the (?:gnu )?[\\w ]{0,30}licen[sc]e',
    '(?:licen[sc]ed|distributed|redistributed?|released|covered|modify \\w+) under the (?:terms|\\w+ licen[sc]e|gnu)',
    'under the terms of the [\\w\\s]{0,60}licen[sc]e',
    'without (?:any|even the implied) warranty|no warranty',
    'project gutenberg|all rights reserved|copyright (?:\\(c\\)|©|\\d{4})|©\\s*\\d{4}',
    '(?:uses?|accept(?: all)?|our) cookies|cookie policy|subscribe (?:to|now|today|here)|(?:our|weekly|daily|free) newsletter|sign up (?:for|to|now|here)|click here|privacy policy|terms of (?:use|service)',
    'this (?:section|chapter|paper is organi[sz]ed)|is organi[sz]ed as follows|the (?:rest|remainder) of (?:the|this) paper',
    '^(?:key ?words(?: and phrases)?|index terms|general terms|ccs concepts|categories and subject descriptors)\\b',
    '版权所有|保留所有权利|未经[^，。]{0,12}(?:许可|授权)|请勿转载|转载(?:请|自)|免责声明|责任编辑',
    '欢迎(?:投稿|关注|订阅|留言|转发|扫码|加入)|二维码|公众号|阅读原文|点击(?:此处|这里|这个|下方|上方|链接|官网)',
    '^关键[词字]',
  ].join('|'),
  'iu',
)
/** Sentences that lead elsewhere: to what follows, to another text, to the reader. */
const POINTER =
  /\b(?:as follows|below|the following(?: [\w-]+){0,6})\.$|\b(?:please|also) (?:see|refer|note|visit)\b|^(?:see|note that|the following|for (?:more|further|a full|an example))\b|\bfor (?:more|further) (?:information|details)\b|详见|参见|请参[考阅见看]|请看|如下[。：]?$|[：:][^，。]{0,6}。$/i
const GREETING =
  /^(?:hello|hi|welcome|thanks|thank you|good (?:morning|afternoon|evening)|ladies and gentlemen)\b|^(?:各位|大家好|你好|您好|谢谢|感谢|欢迎)/i
/** What a formula or a link that was left out leaves behind. */
const HOLE = /\p{L}\s[,.)](?:\s|$)|\(\s|\(\)|[“"]\s?[”"](?:\s|$)|\s[，。；、]|[\p{Script=Han}]\s,/u
/** `Returns: …`, `注意：…`. */
const LABEL = /^\[|^[\p{Lu}][\p{L}-]*(?: [\p{L}-]+){0,2}:\s|^\p{Script=Han}{2,5}[：:]/u
const CODE = /[A-Za-z]\w*_\w|\w\(|(?:^|\s)--\w|@\w|\s\*\s|\w\.\.\s/
/** Steps of a recipe, conditions of a contract in one sentence. */
const STEPS = /(?:^|[^\p{N}])1[、.)）][^1]{2,200}2[、.)）]/u
/** A clause that waits for its main clause. */
const CLAUSE =
  /^(?:because|although|though|unless|whereas)\b[^,;]*\.$|^(?:由于|虽然|如果|尽管|因为|即使|只要)[^，；]*。$/i
/** A question asks for what a report should answer. */
const QUESTION = /[?？؟]["”’」』)]*$/
const EXCLAMATION = /[!！]["”’」』)]*$/
const SPEECH = /[“”"„«「『]/

/** How well a sentence with such a fault works in a report. */
const FACTORS: readonly (readonly [RegExp, number])[] = [
  [QUESTION, 0.5],
  [EXCLAMATION, 0.8],
  [SPEECH, 0.9],
  [POINTER, 0.3],
  [GREETING, 0.3],
  [HOLE, 0.4],
  [LABEL, 0.6],
  [STEPS, 0.5],
  [CODE, 0.7],
  [CLAUSE, 0.3],
]
const HALF_QUOTE_FACTOR = 0.3
/** A line without a full stop may be a title; an item of a list less so. */
const OPEN_LINE_FACTOR = 0.4
const OPEN_ITEM_FACTOR = 0.8

export function isApparatus(heading: string | null): boolean {
  return heading !== null && APPARATUS.test(heading.trim())
}

export function isNotice(text: string): boolean {
  return NOTICE.test(text)
}

/** How well a sentence works alone, 0 to 1; whether it leans on the one before is not looked at. */
export function findStanding({ text, closed }: Sentence): number {
  let standing = isHalfQuoted(text) ? HALF_QUOTE_FACTOR : 1
  if (closed !== null) standing *= closed === 'item' ? OPEN_ITEM_FACTOR : OPEN_LINE_FACTOR
  for (const [pattern, factor] of FACTORS) if (pattern.test(text)) standing *= factor
  return standing
}
