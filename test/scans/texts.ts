/** Sentences that scans are made from: names, numbers, marks and long words as reports and letters have them. */
export type ScanLanguage = 'English' | 'Chinese'

const ENGLISH = [
  'The waterworks of the valley were built between 1886 and 1912, and most of the pipes are still in use.',
  'An inspection in March found 47 leaks, of which 31 were repaired within the same week.',
  'Engineers from three neighbouring districts compared their measurements and agreed on a common method.',
  '“Nobody had looked into that tunnel since my grandfather closed it,” said Margaret Holloway, who runs the archive.',
  'Rainfall reached 812 millimetres last year, about 9 percent less than the average of the past three decades.',
  'The committee therefore proposes to raise the price of a cubic metre from 1.85 to 2.10 euros.',
  'Older houses near the railway need new connections, which the owners will have to pay for themselves.',
  'A pump that failed on a Sunday night left about 2,400 households without water for eleven hours.',
  'Since then, every station keeps a spare motor, a set of seals and the telephone number of two fitters.',
  'The laboratory takes samples twice a day and publishes its results on the following morning.',
  'Lead, nitrate and bacteria stayed far below the limits; only iron was slightly too high in the eastern quarter.',
  'Students of the technical college drew a new map, because the plans of 1934 do not show the later branches.',
  'Their work took five months and cost less than a tenth of what a private office had asked for.',
  'In dry summers the reservoir falls by two centimetres a day, and swimming is forbidden from July onwards.',
  'Farmers downstream complain that the river carries too little water when their fields need it most.',
  'A treaty between both towns has settled the question: one third of the flow is left to the meadows.',
  'Trout, grayling and crayfish have returned to the upper reaches, as counts by volunteers show.',
  'The new filter was delivered in twenty-six crates and assembled on the floor of the old boiler house.',
  'It removes particles larger than five micrometres and is rinsed automatically every six hours.',
  'Electricity for the pumps comes from a turbine under the weir, which produces 340 kilowatts in spring.',
  'During floods the turbine is stopped, and a diesel engine takes over until the gravel has settled.',
  'Mr. Okafor, the manager, expects that the network will need about four million euros over ten years.',
  'He would rather replace short pieces each year than dig up the whole main street at once.',
  'Visitors can see the machine hall on the first Saturday of each month, from 10 a.m. to 4 p.m.',
  'Children are shown how a valve works, and may turn the large brass wheel that once closed the dam.',
  'A small exhibition explains why cholera broke out in 1873 and how clean springs ended the epidemic.',
  'Letters from that time describe wells beside stables, and buckets that were carried up four flights of stairs.',
  'The council will decide in November whether the meters should be read by radio from now on.',
  'Opponents fear that such devices tell strangers when a family is away from home.',
  'Supporters reply that a broken pipe would be noticed within minutes instead of months.',
  'Whatever is decided, nobody will have to change anything before the spring of 2027.',
  'Copies of this report are available at the town hall, Room 214, and in the public library.',
]

const CHINESE = [
  '这条山谷的供水系统建于一八八六年至一九一二年之间，大部分管道至今仍在使用。',
  '今年三月的检查发现了47处漏水，其中31处在一周之内就修好了。',
  '来自三个相邻地区的工程师比较了各自的测量结果，并商定采用统一的方法。',
  '“自从我祖父把那条隧道封上以后，再也没有人进去看过，”档案馆的负责人何丽华说。',
  '去年的降雨量达到812毫米，比过去三十年的平均值大约少百分之九。',
  '因此委员会建议把每立方米的水价从1.85元提高到2.10元。',
  '铁路附近的旧房屋需要新的接口，费用由房主自己承担。',
  '一个星期天的夜里，一台水泵发生故障，大约两千四百户居民停水十一个小时。',
  '从那以后，每个泵站都备有一台电动机、一套密封圈和两位修理工的电话号码。',
  '化验室每天取样两次，并在第二天早晨公布结果。',
  '铅、硝酸盐和细菌都远远低于限值，只有东城区的铁含量稍微偏高。',
  '技术学院的学生绘制了一张新的地图，因为一九三四年的图纸上没有后来增加的支管。',
  '他们用了五个月的时间，费用还不到私人公司报价的十分之一。',
  '在干旱的夏天，水库的水位每天下降两厘米，从七月开始禁止游泳。',
  '下游的农民抱怨说，田地最需要水的时候，河里的水却太少。',
  '两个城镇之间的协议解决了这个问题：三分之一的水量留给草地。',
  '志愿者的统计表明，鳟鱼和小龙虾已经回到了上游。',
  '新的过滤器装在二十六个木箱里运来，在旧锅炉房的地面上组装。',
  '它可以除去大于五微米的颗粒，每六个小时自动冲洗一次。',
  '水泵用的电来自堤坝下面的水轮机，春天的时候功率可以达到340千瓦。',
  '洪水期间水轮机停止运转，由柴油机代替，直到泥沙沉淀下来。',
  '经理王建国先生预计，今后十年整个管网大约需要四百万元。',
  '他宁愿每年更换一小段管道，也不愿意一次挖开整条大街。',
  '每个月的第一个星期六，上午十点到下午四点，游客可以参观机房。',
  '孩子们可以看到阀门是怎样工作的，还可以转动从前用来关闭水坝的大铜轮。',
  '一个小型展览说明了霍乱在一八七三年流行的原因，以及清洁的泉水怎样结束了这场疫病。',
  '当时的书信描写了马厩旁边的水井，还有人们提着水桶爬上四层楼梯的情景。',
  '市议会将在十一月决定，今后是否用无线电读取水表。',
  '反对者担心，这样的设备会让陌生人知道一家人什么时候不在家。',
  '支持者则回答说，水管破裂几分钟之内就会被发现，而不是几个月以后。',
  '无论作出怎样的决定，在二〇二七年春天之前，谁都不需要改变任何东西。',
  '本报告的副本可以在市政厅二层和公共图书馆领取。',
]

const SENTENCES: Readonly<Record<ScanLanguage, readonly string[]>> = { English: ENGLISH, Chinese: CHINESE }
const SENTENCES_OF_PAGE = 24
const SENTENCES_OF_PARAGRAPH = 4

/** The paragraphs of a page: its number is in the first, and other numbers give other sentences in another order. */
export function pageText(language: ScanLanguage, page: number): readonly string[] {
  const all = SENTENCES[language]
  // A step that has no factor in common with the number of sentences passes all of them.
  const step = 2 * page + 5
  const chosen = Array.from({ length: SENTENCES_OF_PAGE }, (_, index) => {
    return all[(page * 7 + index * step) % all.length] ?? ''
  })
  const space = language === 'English' ? ' ' : ''
  const name = language === 'English' ? `Sheet ${page} of the report.` : `本报告第${page}页。`
  const paragraphs = Array.from({ length: SENTENCES_OF_PAGE / SENTENCES_OF_PARAGRAPH }, (_, index) => {
    return chosen.slice(index * SENTENCES_OF_PARAGRAPH, (index + 1) * SENTENCES_OF_PARAGRAPH).join(space)
  })
  return [name, ...paragraphs]
}
