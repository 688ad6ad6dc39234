/** What a text calls itself: "this paper" points to no sentence. */
const ITSELF =
  'paper|article|study|report|work|thesis|book|chapter|document|documentation|guide|manual|page|specification|project|repository|tutorial|package|library|module|tool|program|software|standard|survey|review|section|post|essay|memo|proposal|plan|policy|agreement|licen[cs]e|act|year|week|month|morning|spring|summer|autumn|winter'

/** Openings that point back to a sentence before, by language. */
const LEANING: Readonly<Record<string, RegExp>> = {
  en: new RegExp(
    `^(?:(?:(?:in|at|for|from|by|with|to|of|on|under|after|before|since|during|until|despite|because of)\\s+)?(?:this|these|those|that|such)\\b(?!\\s+(?:present\\s+)?(?:${ITSELF})\\b)` +
      `|(?:they|he|she|his|her|their|its|him|them)\\b` +
      `|it\\b(?!\\s+(?:is|was|has been|seems|appears)\\s+(?:\\S+\\s+){0,3}(?:that|to|who)\\b)` +
      `|(?:thus|hence|therefore|however|but|and|so|or|nor|yet|also|moreover|furthermore|nevertheless|nonetheless|instead|otherwise|meanwhile|besides|additionally|conversely|likewise|similarly|consequently|accordingly|then|another|both of|neither of|here|we call)\\b` +
      `|(?:first|second|third|next|finally|lastly|still|again|later|overall|indeed|note),` +
      `|for (?:example|instance)\\b|as (?:i|we) (?:said|mentioned|saw)\\b|earlier,|(?:\\w+ ){1,3}(?:minutes|hours|days|weeks|months|years) (?:before|earlier|later|after),|in (?:addition|contrast|fact|other words|particular|turn|short|each|both cases)\\b|as (?:a result|such|mentioned|noted|above)\\b|on the (?:other hand|contrary)\\b|at (?:the same time)\\b` +
      `|(?:first of all|(?:one|some|most|many|each|all|both|neither|none) of (?:this|these|those|them))\\b` +
      `|(?:the )?(?:former|latter|above|following|figure|table)\\b|the (?:same|other|second|third|last) (?:one|two|is|are|was|were)\\b)`,
    'i',
  ),
  zh: /^(?:刚才|或者，|至于|顺便|刚刚|前面(?:[说提讲]|的)|上(?:一[章节篇讲]|文|面)|因此|所以|因而|从而|于是|但(?!丁)|然而|不过|可是|可见|此外|另外|在(?:这|该|此|那|上述)|[当如](?:果)?[它他她这]|(?:通过|根据|基于|从|用|按照|所有)(?:这|此|上述)|另一方面|例如|比如|譬如|这(?!篇|本书|份)|那|其(?!他地)|该|此|它|他|她|而(?!今)|并且?(?!非)|同时|与此同时|首先|其次|再次|最后|最终|然后|接着|接下来|随后|总之|相反|反之|否则|对此|为此|由此|据此|上述|以上|以下|如上|如下|如图|如表|也就是说|换句话说|换言之|除此之外|甚至|尽管如此|也(?!门|许)|还(?!原)|又|当然|特别是|尤其是|另有|两者|二者|前者|后者|第[二三四五]，|[二三四五六]是)/,
  de: /^(?:er|sie|es|dies(?:er|e|es|em|en)?|jene[rs]?|ihre?|sein(?:e|er)?|aber|doch|jedoch|daher|deshalb|deswegen|also|außerdem|dann|danach|dabei|dadurch|dazu|damit|hier|und|oder|so|auch|zudem|ferner|zum beispiel)\b/i,
  fr: /^(?:il|elle|ils|elles|ce|cet|cette|ces|cela|ceci|celui-ci|celle-ci|mais|donc|ainsi|cependant|toutefois|pourtant|or|et|ou|de plus|en outre|par exemple|par conséquent|en effet|puis|ensuite|enfin|son|sa|ses|leurs?)\b/i,
  es: /^(?:él|ella|ellos|ellas|esto|este|esta|estos|estas|eso|ese|esa|pero|sin embargo|además|por (?:lo tanto|eso|ejemplo|ello)|así|también|y|o|entonces|luego|después|su|sus)\b/i,
  it: /^(?:egli|lui|lei|essi|esse|quest[oaie]|quell[oaie]|ma|però|tuttavia|quindi|inoltre|infatti|così|anche|poi|allora|ed?|ad esempio|suo|sua|suoi|sue)(?!\p{L})/iu,
  pt: /^(?:eles?|elas?|isto|isso|est[ea]s?|ess[ea]s?|mas|porém|contudo|portanto|além disso|assim|também|por exemplo|e|ou|então|depois|seus?|suas?)(?!\p{L})/iu,
  nl: /^(?:hij|zij|ze|dit|dat|deze|die|maar|echter|daarom|dus|ook|bovendien|daarna|dan|toen|bijvoorbeeld|en|of|hun|zijn|haar)(?!\p{L})/iu,
  ru: /^(?:он[аио]?|эт(?:о|от|а|и|их|им|ой|ом)|так(?:ой|ие|ая)|но|однако|поэтому|также|кроме того|затем|потом|тогда|например|его|её|их|при этом|таким образом|а|и)(?!\p{L})/iu,
  ja: /^(?:しかし|だが|ただし|また|そして|さらに|その|この|それ|これ|したがって|そのため|つまり|例えば|たとえば|ところで|一方|なお|彼|ここで|そこで|すると|だから|でも)/,
  ko: /^(?:그러나|하지만|그리고|또한|따라서|그래서|이는|이것|그것|그는|그녀|그들|이러한|그러한|이런|그런|예를 들어|한편|즉|이에|이를|다만)/,
}
/** A quotation that is continued, an ellipsis. */
const IS_CONTINUED = /^(?:…|\.{3})/
const OPENING_MARKS = /^["“‘「『'(（[«„]+/

/** Whether a sentence cannot be understood without the one before. */
export function isLeaning(text: string, language: string): boolean {
  if (IS_CONTINUED.test(text)) return true
  return LEANING[language]?.test(text.replace(OPENING_MARKS, '')) ?? false
}
