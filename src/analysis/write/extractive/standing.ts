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
    // The forms of a court.
    '委托(?:诉讼)?代理人|到庭参加(?:了)?诉讼|现已审理终结|如不服本(?:判决|裁定)|案件受理费|迟延履行(?:期间|金)|(?:判决|裁定)(?:书)?送达之日起|适用(?:简易|普通)程序|^本案现已|(?:审判长|审判员|书记员)[：: ]',
  ].join('|'),
  'iu',
)
/** Sentences that lead elsewhere: to what follows, to another text, to the reader. */
const POINTER =
  /^(?:more|further|additional|other)\b.{0,60}\b(?:can be|are|is) (?:found|available|listed|described)\b|\b(?:feel free|(?:do not|don['’]t) hesitate) to\b|^(?:click|tap|press|scroll)\b|^(?:你|您|用户)?(?:可以)?(?:点击|右键|双击|长按)|点击后|让我们(?:来|先|一起)*看|^let(?:['’]s| us) (?:look|see|take a look)\b|(?:分享|推荐|介绍)给大家|[跟和]大家分享|[（(]?见[下上附][图表文]|\bas (?:explained|described|shown|listed|outlined) (?:above|below)\b|\b(?:as follows|below|the following(?: [\w-]+){0,6})\.$|\b(?:please|also) (?:see|refer|note|visit)\b|^(?:see|note that|the following|for (?:more|further|a full|an example))\b|\bfor (?:more|further) (?:information|details)\b|详见|参见|请参[考阅见看]|请看|如下[。：]?$|[：:][^，。]{0,6}。$/i
const GREETING =
  /^(?:hello|hi|welcome|thanks|thank you|good (?:morning|afternoon|evening)|ladies and gentlemen|dear \w+)\b|^(?:各位|大家好|你好|您好|谢谢|感谢|欢迎|好的?[，。]|嗯|那我们|接下来(?:有)?请)/i
/** What is said between the words of a talk. */
const FILLERS =
  /\b(?:u[hm]+|hmm|mm-hmm|you know|i mean|sort of|kind of|okay|yeah)\b|就是说|是吧|对吧|对不对|是不是|怎么说|说白了|嗯|呃|的话|这样子|[啊呢嘛吧](?=[，。])/gi
const FILLER_FACTOR = 0.85
const MOST_FILLERS = 2
/** What a formula or a link that was left out leaves behind. */
const HOLE =
  /\p{Script=Han}@\w|\p{L}\s[,.)](?:\s|$)|\(\s|\(\)|[“"]\s?[”"](?:\s|$)|\bthat then\b|\s[，。；、]|[\p{Script=Han}]\s,/u
/** `Returns: …`, `注意：…`. */
const LABEL =
  /^\[|^\p{Lu}[\p{L} ]{2,30} [–—-] |^[a-z]\w*:\s|^[\p{Lu}][\p{L}-]*(?: [\p{L}-]+){0,2}:\s|^\p{Script=Han}{2,5}[：:]/u
const CODE = /[A-Za-z]\w*_\w|\w\(|(?:^|\s)--\w|@\w|\s\*\s|\w\.\.\s/
/** Steps of a recipe, conditions of a contract in one sentence. */
const STEPS = /(?:^|[^\p{N}])1[、.)）][^1]{2,200}2[、.)）]/u
/** A clause that waits for its main clause. */
const CLAUSE =
  /^(?:because|although|though|unless|whereas)\b[^,;]*\.$|^(?:由于|虽然|如果|尽管|因为|即使|只要)[^，；]*。$|^(?:虽然|尽管|固然)(?!.*(?:但|仍|还是|却|也|依然|然而|不过|可))/i
/** A thing that is described and does nothing: `A lock, which keeps the water.`, `一个开源的软件，支持多人。` */
const THING = /^(?:an?|the) ([^,;:]{3,80}), (?:which|that|who|where)\b[^,;]*\.$/i
const CHINESE_THING = /^一(?:个|本|篇|款|种|份|部|套|张|幅)[^，。是有了为在将把被]{2,24}，/u
/** Of English, what a sentence says by; without one of these it may be a title or an item of a list. */
const VERB =
  /\b(?:I|am|is|are|was|were|be|been|has|have|had|do|does|did|can|cannot|could|may|might|must|shall|should|will|would|let|i|we|you|they|he|she|it|who|there)\b|['’](?:s|re|ve|ll|t|d|m)\b|\b[a-z]+(?:[^eA-Z\W]ed|[^sA-Z\W]es|[^suiA-Z\W]s)\b|\b(?:arose|ate|awoke|became|began|bent|bit|blew|bore|bought|bred|broke|brought|built|burnt|burst|came|caught|chose|clung|cost|crept|cut|dealt|drank|drew|drove|fed|fell|felt|fled|flew|forbade|forgot|fought|found|froze|gave|go|got|grew|heard|held|hid|hit|hung|hurt|keep|kept|knew|laid|lay|leapt|learnt|led|left|lent|lit|lost|made|make|meant|met|need|paid|put|quit|ran|rang|read|rode|rose|said|sang|sank|sat|saw|sent|set|shook|shone|shot|show|shrank|shut|slept|slid|sold|spent|split|spoke|sprang|spread|stole|stood|struck|stuck|swam|swept|swore|swung|take|taught|threw|told|took|tore|understood|use|went|woke|won|wore|wrote)\b/
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
  [CHINESE_THING, 0.5],
]
const THING_FACTOR = 0.3
const NO_VERB_FACTOR = 0.6
/** Below this a sentence is no key point. */
const LEAST_STANDING = 0.45
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

/** What only makes sense under its heading. */
const LOCAL =
  /\b(?:this|the (?:next|previous|last|following)) (?:chapter|section|part|exercise|lesson|lecture|slide|example)\b|[本这上下]一?个?(?:章|节|讲|课|练习|例子|小节|部分)/i

/** Whether a sentence points to a part of the document as if one were in it. */
export function isLocal(text: string): boolean {
  return LOCAL.test(text)
}

/** Whether a sentence works as well alone as a key point should. */
export function canStandAlone(sentence: Sentence, language: string): boolean {
  return findStanding(sentence, language) >= LEAST_STANDING
}

/** How well a sentence works alone, 0 to 1; whether it leans on the one before is not looked at. */
export function findStanding({ text, closed }: Sentence, language: string): number {
  let standing = isHalfQuoted(text) ? HALF_QUOTE_FACTOR : 1
  if (closed !== null) standing *= closed === 'item' ? OPEN_ITEM_FACTOR : OPEN_LINE_FACTOR
  for (const [pattern, factor] of FACTORS) if (pattern.test(text)) standing *= factor
  if (language === 'en') standing *= findVerbFactor(text)
  return standing * FILLER_FACTOR ** Math.min(MOST_FILLERS, text.match(FILLERS)?.length ?? 0)
}

function findVerbFactor(text: string): number {
  const [, thing] = THING.exec(text) ?? []
  if (thing !== undefined && !VERB.test(thing)) return THING_FACTOR
  // The first word has a capital in any case; of others it makes names. `Closed gates of the north` has no verb.
  const rest = text.replace(/^\p{Lu}\p{Ll}*ed\s/u, '')
  return VERB.test(rest.charAt(0).toLowerCase() + rest.slice(1)) ? 1 : NO_VERB_FACTOR
}
