/* What the page says, in English and Chinese, with gaps: {name}. It is said anew when the language changes. */

const KEPT = "elman.language";
const WORDS = {
  "your input": ["Your input", "输入"],
  answer: ["Answer", "结果"],
  "nothing yet": ["The answer will stand here.", "结果会显示在这里。"],
  working: ["Working …", "正在计算……"],
  refused: ["The server says: {why}", "服务器回复（英文）：{why}"],
  unreachable: ["The server does not answer: is it still running?", "服务器没有回应：它还在运行吗？"],
  failed: ["This did not work: {why}", "没有成功：{why}"],
  empty: ["There is nothing to read yet: write something first.", "还没有可读的内容：请先输入。"],
  "too large": ["The file is too large: the server takes {most} at most.", "文件太大：服务器最多接受 {most}。"],
  examples: ["Or try one of these:", "或者试试："],
  "send hint": ["Ctrl + Enter sends it.", "按 Ctrl + 回车键发送。"],
  text: ["Text", "文本"],
  save: ["Save", "保存"],
  "how good": ["How good it is", "效果如何"],
  "not live": ["Why this model does not answer while you type or speak", "为什么此模型不能边输入边回答"],
  token: ["Access token", "访问令牌"],
  "token hint": ["Whoever started the server knows it.", "启动服务器的人知道。"],
  "token needed": ["The server asks for an access token.", "服务器需要访问令牌。"],
  "go on": ["Go on", "继续"],

  "what forecast": ["Forecasts {target}, {n} steps ahead.", "预测 {target} 未来的 {n} 步。"],
  "what classify": ["Gives what it is given one of {k} labels.", "从 {k} 个标签中为输入选出一个。"],
  "what regress": ["Gives what it is given a number.", "为输入给出一个数。"],
  "what tag": ["Gives each word a tag.", "为每个词加上标注。"],
  "what generate": ["Goes on writing where a text ends.", "接着文本往下写。"],
  "what translate": ["Translates from {from} to {to}.", "把 {from} 译为 {to}。"],
  "what summarize": ["Writes summaries of texts.", "为文本写摘要。"],
  "what transcribe": ["Writes down what is said.", "把语音写成文字。"],
  "what speak": ["Reads texts aloud.", "朗读文本。"],
  "what recommend": ["Recommends what comes next in a session.", "推荐会话中的下一项。"],
  "what paint": ["Paints pictures.", "画出图像。"],

  why: ["Why this answer?", "为什么是这个结果？"],
  explained: ["Explained below.", "解释如下。"],
  explanation: ["The whole explanation", "完整的解释"],
  "speaks for": ["speaks for the answer", "支持该结果"],
  "speaks against": ["speaks against it", "反对该结果"],
  "save page": ["Save the explanation", "保存解释"],

  "csv file": ["Choose a CSV file", "选择 CSV 文件"],
  "csv hint": ["Or drop one here: the columns of the fit, up to the last known row.",
    "也可以把文件拖到这里：列与训练时相同，直到最后已知的一行。"],
  "csv columns": ["Columns:", "列："],
  "forecast on": ["Go on from the data of the fit", "从训练数据的末尾继续"],
  "forecast told": ["{n} steps from {from} to {to}: the forecast goes from {first} to {last}.",
    "从 {from} 到 {to} 共 {n} 步：预测值从 {first} 到 {last}。"],
  series: ["Series", "序列"],
  chart: ["Chart of the series and its forecast: arrow keys go through its points", "序列与预测的图：用方向键逐点阅读"],
  "read value": ["{when}: {value}", "{when}：{value}"],
  "read forecast alone": ["{when}: forecast {value}", "{when}：预测 {value}"],
  "read forecast": ["{when}: forecast {value}, 95 % between {lower} and {upper}",
    "{when}：预测 {value}，95% 在 {lower} 与 {upper} 之间"],
  "known values": ["known", "已知"],
  forecast: ["forecast", "预测"],
  "band 80": ["80 % of outcomes", "80% 的结果"],
  "band 95": ["95 % of outcomes", "95% 的结果"],
  "forecast table": ["The forecast in numbers", "预测的数值"],
  "save csv": ["Save as CSV", "保存为 CSV"],
  "column time": ["time", "时间"],
  "column step": ["step", "步"],
  "column forecast": ["forecast", "预测"],
  "column lower": ["95 %, from", "95% 下限"],
  "column upper": ["95 %, to", "95% 上限"],
  "column lower_80": ["80 %, from", "80% 下限"],
  "column upper_80": ["80 %, to", "80% 上限"],

  ask: ["Ask the model", "询问模型"],
  probabilities: ["How likely each label is", "各标签的概率"],
  "label told": ["{label}, {share} sure.", "{label}，把握 {share}。"],
  "label so far": ["So far: {label}, {share} sure.", "目前：{label}，把握 {share}。"],
  "no label": ["No label: nothing could be heard or read.", "没有标签：没有可读或可听的内容。"],
  "number told": ["The answer is {value}.", "结果是 {value}。"],
  "number so far": ["So far: {value}.", "目前：{value}。"],
  numbers: ["A sequence of numbers", "数字序列"],
  "numbers hint": ["A line for each step, the numbers of a step parted by commas.", "每行一步，同一步的数字用逗号分开。"],
  "numbers file": ["Choose a file of numbers", "选择数字文件"],
  "no numbers": ["Line {line} is not {n} numbers, as the first line is: give each step as many.",
    "第 {line} 行不是与第一行相同的 {n} 个数：请让每步的个数相同。"],
  "tags told": ["{n} words have a tag: {tags}.", "{n} 个词有标注：{tags}。"],
  "no tags": ["None of {n} words has a tag.", "{n} 个词都没有标注。"],

  write: ["Write", "书写"],
  stop: ["Stop", "停止"],
  prompt: ["Beginning of the text", "文本的开头"],
  length: ["Length", "长度"],
  temperature: ["Temperature", "温度"],
  top_k: ["Only the likeliest (number)", "只取最可能的（个数）"],
  top_p: ["Only the likeliest (share)", "只取最可能的（比例）"],
  seed: ["Seed", "随机种子"],
  "more settings": ["More settings", "更多设置"],
  next: ["What is likely to come next", "接下来可能是"],
  writing: ["Writing …", "正在书写……"],
  written: ["Written, {n} characters: {text}", "写了 {n} 个字符：{text}"],
  "written until stopped": ["Stopped after {n} characters: {text}", "写了 {n} 个字符后停止：{text}"],

  translate: ["Translate", "翻译"],
  summarize: ["Summarize", "摘要"],
  best: ["How many answers", "结果个数"],
  score: ["score {value}", "得分 {value}"],
  "translate told": ["Translation: {text}", "译文：{text}"],
  "summarize told": ["Summary: {text}", "摘要：{text}"],

  record: ["Record from the microphone", "用麦克风录音"],
  "stop recording": ["Stop recording", "停止录音"],
  seconds: ["{n} s", "{n} 秒"],
  listening: ["Recording: the answer comes when you stop.", "正在录音：停止后给出结果。"],
  "listening live": ["Listening: the answer follows what is heard.", "正在听：结果随声音更新。"],
  "sound file": ["Choose a sound file", "选择声音文件"],
  "sound hint": ["Or drop one here.", "也可以把文件拖到这里。"],
  "your sound": ["The sound that was given", "所给的声音"],
  heard: ["Heard: {text}", "听到：{text}"],
  "heard nothing": ["Nothing was understood.", "什么也没有听懂。"],
  "no microphone": ["The microphone cannot be used: allow it in the browser, or give a file.",
    "无法使用麦克风：请在浏览器中允许，或选择文件。"],
  "no microphone here": ["A browser gives a microphone to pages of this computer or over https alone: give a file.",
    "浏览器只允许本机页面或加密连接使用麦克风：请改用文件。"],
  "no sound": ["{name} is no sound that this browser can read: give a WAV file.", "浏览器无法读取 {name} 的声音：请改用波形文件。"],

  speak: ["Speak", "朗读"],
  "spoken sound": ["The text, spoken", "朗读的声音"],
  spoken: ["Spoken: the sound is ready.", "声音已准备好。"],
  "save wav": ["Save the sound", "保存声音"],

  session: ["The session", "会话"],
  "session empty": ["The session is empty: add an item.", "会话为空：请添加一项。"],
  "search items": ["Find an item", "查找项目"],
  "search hint": ["Enter adds the first one found.", "按回车键添加找到的第一项。"],
  "type hint": ["Type the name of an item; Enter adds it.", "输入项目的名称，按回车键添加。"],
  "found items": ["Items found", "找到的项目"],
  "only new": ["Only what is not in the session", "只推荐会话中没有的"],
  remove: ["Remove {item}", "移除 {item}"],
  clear: ["Clear the session", "清空会话"],
  recommended: ["Likely next: {items}.", "接下来可能是：{items}。"],

  "picture file": ["Choose a picture", "选择图像"],
  "picture hint": ["Or drop one here, or paste it: PNG or JPEG.", "也可以把图像拖到这里，或直接粘贴。"],
  "your picture": ["The picture that was given", "所给的图像"],

  paint: ["Paint", "绘画"],
  count: ["How many", "数量"],
  painted: ["{n} pictures are painted.", "画好了 {n} 张图像。"],
  "painted picture": ["Painted picture {n}", "第 {n} 张图像"],
  "save picture": ["Save picture {n}", "保存第 {n} 张图像"],
};

const spoken = new WeakMap(); // element: what it says as text and in attributes
const others = [];
let column = 0;

export function language() {
  return column ? "zh" : "en";
}

/** What a key says in the language of now. */
export function said(key, gaps = {}) {
  return WORDS[key][column].replace(/\{(\w+)\}/g, (_, name) => gaps[name]);
}

/** The text of an element. */
export function word(element, key, gaps) {
  return say(element, "text", key, gaps);
}

/** Its name for those who cannot see it. */
export function label(element, key, gaps) {
  return say(element, "aria-label", key, gaps);
}

/** What the value of a slider means. */
export function valueText(element, key, gaps) {
  return say(element, "aria-valuetext", key, gaps);
}

/** What stands for a picture. */
export function alternative(element, key, gaps) {
  return say(element, "alt", key, gaps);
}

/** The language to start with: what was chosen in this tab, else Chinese where the model or the browser speaks it. */
export function start(model) {
  const wanted = sessionStorage.getItem(KEPT) ?? (model === "zh" || navigator.language.startsWith("zh") ? "zh" : "en");
  turn(wanted);
}

export function choose(wanted) {
  sessionStorage.setItem(KEPT, wanted);
  turn(wanted);
}

/** Calls now, and whenever the language changes. */
export function switched(call) {
  others.push(call);
  call();
}

function turn(wanted) {
  column = wanted === "zh" ? 1 : 0;
  document.documentElement.lang = column ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-said]")) {
    for (const [kind, [key, gaps]] of Object.entries(spoken.get(element) ?? {})) put(element, kind, said(key, gaps));
  }
  for (const call of others) call();
}

function say(element, kind, key, gaps) {
  if (!spoken.has(element)) spoken.set(element, {});
  spoken.get(element)[kind] = [key, gaps];
  element.dataset.said = "";
  put(element, kind, said(key, gaps));
  return element;
}

function put(element, kind, text) {
  if (kind === "text") element.textContent = text;
  else element.setAttribute(kind, text);
}
