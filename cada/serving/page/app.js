// The page of `cada serve`: what is searched stands in the address behind #, so that back, forward and bookmarks work.

const EXAMPLES = [
  'a woman in a red coat with a black backpack',
  'a man in a blue jacket and grey trousers',
  'a person in a white T-shirt, shorts and sports shoes',
];
const STRENGTHS = [-1, 0, 0.5, 1, 1.5]; // weights of a phrase beside the sentence; the first excludes it
const SPINNER_AFTER = 300; // milliseconds
const SENT_SIDE = 768; // pixels of the longer side of an image that is searched by
const PAST = 20; // searches that are listed

const $ = (id) => document.getElementById(id);
const percent = (share) => `${Math.round(100 * share)} %`;

/** An element with properties and children; text becomes text, never markup. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(properties.aria ?? {})) made.setAttribute(`aria-${name}`, value);
  made.append(...children);
  return made;
}

// ---- the server

class Refused extends Error {
  constructor(status, detail, wait = 0) {
    super(detail);
    Object.assign(this, { status, wait });
  }
}

let token = sessionStorage.getItem('token');

async function ask(address, { body, signal } = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body) headers['Content-Type'] = 'application/json';
  const answer = await fetch(address, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal }).catch((error) => {
    throw error.name === 'AbortError' ? error : new Refused(0, 'The server does not answer. Is it still running?');
  });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({ detail: `The server has answered with ${answer.status}.` }));
  const refused = new Refused(answer.status, problem.detail, Number(answer.headers.get('Retry-After')));
  if (refused.status === 401) openDoor();
  throw refused;
}

const askJson = async (address, options) => (await ask(address, options)).json();

/** Show an image of the index; with a token it cannot be had by its address alone. */
async function showImage(image, id, width) {
  const address = `/api/images/${id}?width=${width}`;
  image.dataset.id = id;
  if (!token) return void (image.src = address);
  const url = URL.createObjectURL(await (await ask(address)).blob());
  if (image.dataset.id === String(id)) image.src = url;
  image.addEventListener('load', () => URL.revokeObjectURL(url), { once: true });
}

// ---- what is searched

let info = null;
let hits = [];
let sent = null; // an image of the user's own, which no address can hold: {name, data, url}
let known = { text: null, phrases: [], normalised: '' };

const empty = () => ({ text: '', like: null, name: '', weights: {}, k: 24, rerank: info.top_k });

function readAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  const asked = empty();
  asked.text = (told.get('q') ?? '').slice(0, info.limits.letters);
  asked.like = told.has('like') && told.get('like') !== '' ? Number(told.get('like')) : null;
  asked.name = told.get('name') ?? '';
  for (const name of ['k', 'rerank']) if (Number(told.get(name)) || told.get(name) === '0') asked[name] = Number(told.get(name));
  for (const weight of told.getAll('w')) {
    const cut = weight.lastIndexOf(':');
    const strength = Number(weight.slice(cut + 1));
    if (STRENGTHS.includes(strength) && strength) asked.weights[weight.slice(0, cut)] = strength;
  }
  return asked;
}

function address(asked) {
  const told = new URLSearchParams();
  if (asked.text) told.set('q', asked.text);
  if (asked.like !== null) told.set('like', asked.like);
  if (asked.name) told.set('name', asked.name);
  for (const [phrase, strength] of Object.entries(asked.weights)) told.append('w', `${phrase}:${strength}`);
  if (asked.k !== 24) told.set('k', asked.k);
  if (asked.rerank !== info.top_k) told.set('rerank', asked.rerank);
  return `#${told}`;
}

let state = null;

/** Search for `change` beside what is searched now; what the user has typed meanwhile counts, too. */
function go(change) {
  state = { ...state, ...change };
  const there = address(state);
  if (location.hash !== there && !(there === '#' && location.hash === '')) history.pushState(null, '', there);
  search();
}

/** A sentence without a phrase, nor the words that only led to it. */
function without(sentence, phrases) {
  let left = sentence;
  for (const { start, end } of [...phrases].sort((one, other) => other.start - one.start)) {
    const before = left.slice(0, start).replace(/(?:\b(?:and|with|in|wearing|carrying|has|an?|the|his|her|their)\s+|,\s*)+$/, '');
    left = `${before} ${left.slice(end)}`;
  }
  return left.replace(/\s+/g, ' ').trim();
}

function partsOf(asked) {
  const excluded = known.phrases.filter((phrase) => asked.weights[phrase.text] < 0);
  const sentence = excluded.length ? without(known.normalised, excluded) : asked.text.trim();
  const parts = sentence ? [{ text: sentence }] : [];
  if (asked.like !== null) parts.push({ image: asked.like });
  if (sent) parts.push({ upload: sent.data });
  for (const { text } of uniquePhrases()) if (asked.weights[text]) parts.push({ text, weight: asked.weights[text] });
  return parts.slice(0, info.limits.parts);
}

const uniquePhrases = () => [...new Map(known.phrases.map((phrase) => [phrase.text, phrase])).values()];

async function learnPhrases(text, signal) {
  if (known.text === text) return;
  const found = text.trim() ? await askJson('/api/phrases', { body: { text }, signal }) : { phrases: [], text: '' };
  known = { text, phrases: found.phrases, normalised: found.text };
}

// ---- searching

let running = null;

async function search() {
  running?.abort();
  const mine = (running = new AbortController());
  const asked = state;
  showQuery();
  showNotice('');
  if (!asked.text.trim() && asked.like === null && !sent) {
    document.body.classList.remove('busy');
    showHits([]);
    $('waiting').hidden = true;
    $('status').textContent = '';
    return;
  }
  const slow = setTimeout(() => {
    $('waiting').hidden = false;
    $('status').textContent = '';
    document.body.classList.add('busy');
  }, SPINNER_AFTER);
  try {
    await learnPhrases(asked.text, mine.signal);
    showPhrases();
    const body = { parts: partsOf(asked), k: asked.k, rerank: asked.rerank };
    const answer = await askJson('/api/search', { body, signal: mine.signal });
    showHits(answer.hits);
    report(answer);
    remember(asked);
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof Refused)) throw error;
    if (error.status !== 401) showError(error);
  } finally {
    clearTimeout(slow);
    if (running === mine) {
      $('waiting').hidden = true;
      document.body.classList.remove('busy');
      running = null;
    }
  }
}

function report(answer) {
  const count = answer.hits.length;
  $('status').textContent = `${count} of ${info.images.toLocaleString('en')} images, best first · ${(answer.milliseconds / 1000).toFixed(2)} s`;
  const notices = [];
  if (answer.unknown.length) notices.push(`The model does not know, and guesses at: ${answer.unknown.join(', ')}.`);
  if (!count) {
    notices.push('There is no image in this index yet.');
  } else if (answer.nobody) {
    notices.push('Probably nobody here matches. These are the nearest images; a search for somebody who is not here looks much the same.');
  }
  if (notices.length) showNotice(notices.join(' '));
}

/** A banner; without a text there is none. */
function showNotice(text, { bad = false, again = null } = {}) {
  $('notice').className = bad ? 'notice bad' : 'notice';
  $('notice').replaceChildren(element('span', { textContent: text }));
  if (again) $('notice').append(element('button', { type: 'button', className: 'plain', textContent: 'Try again', onclick: again }));
  $('notice').hidden = !text;
}

function showError(error) {
  showHits([]);
  $('status').textContent = '';
  const text = error.wait ? `The server is busy. Try again in ${error.wait} s.` : error.message;
  showNotice(text, { bad: true, again: search });
}

// ---- the query on the page

function showQuery() {
  const searched = Boolean(state.text.trim() || state.like !== null || sent);
  document.body.classList.toggle('searched', searched);
  document.title = state.text.trim() ? `${state.text.trim()} · CADA search` : 'CADA search';
  if ($('text').value !== state.text) $('text').value = state.text;
  $('examples').hidden = searched;
  $('sliders').hidden = !searched;
  $('rerank-label').hidden = !info.top_k || !state.text.trim();
  for (const name of ['k', 'rerank']) {
    $(name).value = state[name];
    $(`${name}-said`).textContent = state[name];
  }
  showLike();
  if (known.text !== state.text) known = { text: null, phrases: [], normalised: '' };
  showPhrases();
}

function showLike() {
  const shown = [];
  const chip = (image, name, onclick) => element('span', {}, image, `like ${name}`,
    element('button', { type: 'button', className: 'plain', textContent: '✕', onclick, aria: { label: `No longer like ${name}` } }));
  if (state.like !== null) {
    const image = element('img', { alt: '' });
    showImage(image, state.like, 64).catch(() => {});
    shown.push(chip(image, state.name || `image ${state.like}`, () => go({ like: null, name: '' })));
  }
  if (sent) {
    shown.push(chip(element('img', { alt: '', src: sent.url }), sent.name, () => {
      forgetSent();
      go({});
    }));
  }
  $('like').replaceChildren(...shown);
  $('like').hidden = !shown.length;
}

/** The chips keep their elements where they can, so that the focus stays on a button that was pressed. */
function showPhrases() {
  const wanted = uniquePhrases();
  const there = [...$('phrases').children].map((chip) => chip.dataset.text);
  if (there.join('\n') !== wanted.map(({ text }) => text).join('\n')) $('phrases').replaceChildren(...wanted.map(phraseChip));
  for (const chip of $('phrases').children) {
    const strength = state.weights[chip.dataset.text] ?? 0;
    const place = STRENGTHS.indexOf(strength);
    const said = strength < 0 ? 'not' : strength > 0 ? '+'.repeat(place - 1) : '';
    chip.className = `phrase ${strength < 0 ? 'not' : strength > 0 ? 'up' : ''}`;
    chip.querySelector('b').textContent = said;
    chip.setAttribute('aria-label', `${chip.dataset.text}: ${strength < 0 ? 'excluded' : strength > 0 ? `weight plus ${strength}` : 'as in the sentence'}`);
    const [less, more] = chip.querySelectorAll('button');
    less.setAttribute('aria-disabled', place === 0); // a button that is disabled loses the focus
    more.setAttribute('aria-disabled', place === STRENGTHS.length - 1);
  }
  $('phrases').hidden = !wanted.length;
}

function phraseChip({ text }) {
  const turn = (by) => () => {
    const place = STRENGTHS.indexOf(state.weights[text] ?? 0) + by;
    if (!(place in STRENGTHS)) return;
    const weights = { ...state.weights, [text]: STRENGTHS[place] };
    if (!STRENGTHS[place]) delete weights[text];
    go({ weights });
  };
  const chip = element('span', { role: 'group' },
    element('button', { type: 'button', textContent: '−', onclick: turn(-1), aria: { label: `Less of ${text}` } }),
    element('span', { textContent: text }),
    element('b', { aria: { hidden: true } }),
    element('button', { type: 'button', textContent: '+', onclick: turn(1), aria: { label: `More of ${text}` } }));
  chip.dataset.text = text;
  return chip;
}

// ---- results

function showHits(found) {
  hits = found;
  $('grid').replaceChildren(...found.map(hitElement));
  const images = [...$('grid').querySelectorAll('.card img')];
  for (const image of images) image.addEventListener('load', () => fitGrid(images));
}

/** The cards take the median shape of the images. */
function fitGrid(images) {
  const ratios = images.filter((image) => image.naturalWidth).map((image) => image.naturalWidth / image.naturalHeight).sort((one, other) => one - other);
  $('grid').style.setProperty('--ratio', Math.min(1.6, Math.max(0.4, ratios[ratios.length >> 1])));
}

/** The match where the image was compared closely, else the cosine. */
const scoreOf = ({ match, cosine }) => (match === null ? [cosine.toFixed(2), element('small', { textContent: ' cosine' })] : [percent(match)]);

const sureness = ({ confidence }) => (confidence ? [element('span', { className: `sure ${confidence}`, textContent: confidence })] : []);

function meter(share) {
  const bar = element('i');
  bar.style.width = `${100 * Math.max(0, Math.min(1, share))}%`;
  return element('span', { className: 'meter', aria: { hidden: true } }, bar);
}

function hitElement(hit, place) {
  const image = element('img', { alt: `Result ${place + 1}: ${hit.name}`, loading: 'lazy', decoding: 'async' });
  showImage(image, hit.id, 400).catch(() => {});
  image.addEventListener('error', () => { image.alt = `${hit.name} cannot be read any more`; });
  const card = element('button', { type: 'button', className: 'card', tabIndex: place ? -1 : 0, onclick: () => openDetail(place) },
    image, meter(hit.match ?? hit.cosine),
    element('span', { className: 'under' },
      element('span', { className: 'score' }, ...scoreOf(hit)),
      element('span', { className: 'rank', textContent: `#${place + 1}`, aria: { hidden: true } }),
      ...sureness(hit),
      element('span', { className: 'file', textContent: hit.path ?? hit.name, title: hit.path ?? hit.name, aria: { hidden: true } })));
  const near = element('button', { type: 'button', className: 'near', textContent: '≈', title: 'More like this', tabIndex: -1,
    onclick: () => moreLike(hit), aria: { label: `More like ${hit.name}` } });
  return element('li', { className: 'hit' }, card, near);
}

function moreLike(hit) {
  $('detail').close();
  forgetSent();
  go({ text: '', weights: {}, like: hit.id, name: hit.name });
  scrollTo({ top: 0 });
  $('results').focus({ preventScroll: true });
}

const cards = () => [...$('grid').querySelectorAll('.card')];

function moveTo(place) {
  const all = cards();
  if (!all.length) return;
  const next = Math.max(0, Math.min(all.length - 1, place));
  all.forEach((card, number) => { card.tabIndex = number === next ? 0 : -1; });
  all[next].focus();
}

$('grid').addEventListener('keydown', (event) => {
  const place = cards().indexOf(event.target);
  const across = getComputedStyle($('grid')).gridTemplateColumns.split(' ').length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, Home: -Infinity, End: Infinity };
  if (place < 0 || !(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (event.key === 'ArrowUp' && place < across) $('text').focus();
  else moveTo(place + steps[event.key]);
});

// ---- one image

let opened = -1;
let explained = null;
let looking = { phrase: 0, reader: null };
let explaining = null;

function openDetail(place) {
  opened = place;
  const hit = hits[place];
  $('name').textContent = hit.name;
  $('shown').alt = `Result ${place + 1}: ${hit.name}`;
  $('shown').removeAttribute('src');
  showImage($('shown'), hit.id, 1000).catch(() => {});
  $('badges').replaceChildren(element('strong', {}, ...scoreOf(hit)), ...sureness(hit));
  const facts = [['Rank', `${place + 1} of ${hits.length}`], ['Cosine', hit.cosine.toFixed(3)],
    ['Time', new Date(hit.time).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })]];
  if (hit.path) facts.push(['Path', hit.path]);
  if (hit.box) facts.push(['Box', hit.box.map(Math.round).join(', ')]);
  if (hit.copies) facts.push(['Copies', `${hit.copies} more of the same image`]);
  $('numbers').replaceChildren(...facts.flatMap(([name, value]) => [element('dt', { textContent: name }), element('dd', { textContent: value })]));
  $('before').setAttribute('aria-disabled', place === 0);
  $('after').setAttribute('aria-disabled', place === hits.length - 1);
  if (!$('detail').open) $('detail').showModal();
  explain(hit);
}

async function explain(hit) {
  explaining?.abort();
  const mine = (explaining = new AbortController());
  explained = null;
  drawHeat();
  $('words').hidden = !state.text.trim() || !info.top_k;
  if ($('words').hidden) return;
  $('look').replaceChildren(element('p', { className: 'waiting' }, element('span', { className: 'spinner' }), 'Looking …'));
  try {
    explained = await askJson('/api/explain', { body: { image: hit.id, text: state.text }, signal: mine.signal });
    looking = { phrase: explained.phrases.length > looking.phrase ? looking.phrase : 0, reader: looking.reader ?? 'match' };
    showLook();
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof Refused)) throw error;
    $('look').replaceChildren(element('p', { className: 'quiet', textContent: error.message }));
  }
}

function showLook() {
  const { phrases } = explained;
  if (!phrases.length) {
    $('look').replaceChildren(element('p', { className: 'quiet', textContent: 'There is no phrase in this sentence that describes something to be seen.' }));
    return;
  }
  const choose = (change) => {
    looking = { ...looking, ...change };
    for (const button of $('look').querySelectorAll('.look')) button.setAttribute('aria-pressed', Number(button.dataset.place) === looking.phrase);
    for (const button of $('look').querySelectorAll('.readers button')) button.setAttribute('aria-pressed', button.dataset.reader === looking.reader);
    showExpected();
    drawHeat();
  };
  const buttons = phrases.map((phrase, place) => {
    const onclick = () => choose({ phrase: looking.phrase === place ? -1 : place });
    const button = element('button', { type: 'button', className: 'look', onclick },
      element('span', { textContent: phrase.text }), meter(phrase.match), element('span', { textContent: percent(phrase.match) }));
    button.dataset.place = place;
    return button;
  });
  const readers = Object.keys(phrases[0].maps).map((reader) => {
    const button = element('button', { type: 'button', textContent: reader === 'match' ? 'As matched' : 'When masked', onclick: () => choose({ reader }) });
    button.dataset.reader = reader;
    return button;
  });
  $('look').replaceChildren(
    element('div', { className: 'looks' }, ...buttons),
    element('div', { className: 'readers', role: 'group', aria: { label: 'Who looks' } }, ...readers),
    element('div', { className: 'expected', id: 'expected' }),
    element('p', { className: 'note', textContent: 'Percentages: how well the phrase matches alone. A map shows what was weighed, not why.' }));
  choose({});
}

/** The words that the model expects where the chosen phrase is masked. */
function showExpected() {
  const words = looking.reader === 'masked word' ? explained.phrases[looking.phrase]?.words ?? [] : [];
  $('expected').replaceChildren(...words.map(({ word, expected }) => element('p', {},
    element('b', { textContent: word }),
    ...expected.slice(0, 3).map((found) => element('span', { className: found.word === word ? 'same' : '', textContent: `${found.word} ${percent(found.probability)}` })))));
}

/** The chosen phrase's patches over the image, the strongest in full colour. */
function drawHeat() {
  const canvas = $('heat');
  const map = explained?.phrases[looking.phrase]?.maps[looking.reader];
  $('frame').classList.toggle('heated', Boolean(map));
  const context = canvas.getContext('2d');
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!map) return;
  const [rows, columns] = [map.length, map[0].length];
  const colour = getComputedStyle(document.documentElement).getPropertyValue('--heat').split(',').map(Number);
  const pixels = new ImageData(columns, rows);
  map.flat().forEach((share, place) => pixels.data.set([...colour, 255 * 0.85 * share], 4 * place));
  const small = new OffscreenCanvas(columns, rows);
  small.getContext('2d').putImageData(pixels, 0, 0);
  [canvas.width, canvas.height] = [columns * 24, rows * 24];
  context.imageSmoothingQuality = 'high';
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

const turn = (by) => hits[opened + by] && openDetail(opened + by);

$('close').onclick = () => $('detail').close();
$('before').onclick = () => turn(-1);
$('after').onclick = () => turn(1);
$('more').onclick = () => moreLike(hits[opened]);
$('detail').addEventListener('click', (event) => { if (event.target === $('detail')) $('detail').close(); });
$('detail').addEventListener('keydown', (event) => {
  if (event.key === 'ArrowLeft') turn(-1);
  if (event.key === 'ArrowRight') turn(1);
});
$('detail').addEventListener('close', () => {
  explaining?.abort();
  if (cards()[opened]) moveTo(opened);
});

// ---- an image of the user's own

function forgetSent() {
  if (sent) URL.revokeObjectURL(sent.url);
  sent = null;
}

/** What is sent is made small here: the server needs no more, and gets no metadata. */
$('file').onchange = async () => {
  const [file] = $('file').files;
  $('file').value = '';
  if (!file) return;
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, SENT_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
    canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    forgetSent();
    sent = { name: file.name, data: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')), url: URL.createObjectURL(blob) };
  } catch {
    showNotice(`${file.name} is no image that this browser can read.`, { bad: true });
    return;
  }
  go({ like: null, name: '' });
};

// ---- history of this tab

const past = () => JSON.parse(sessionStorage.getItem('past') ?? '[]');

function remember(asked) {
  if (!asked.text.trim() && asked.like === null) return;
  const weights = Object.entries(asked.weights).map(([phrase, strength]) => `${strength < 0 ? 'not' : 'more'} ${phrase}`);
  const said = [asked.text.trim(), asked.like !== null ? `like ${asked.name || asked.like}` : '', ...weights].filter(Boolean).join(' · ');
  const there = { said, address: address(asked) };
  sessionStorage.setItem('past', JSON.stringify([there, ...past().filter((one) => one.said !== said)].slice(0, PAST)));
  showPast();
}

function showPast() {
  const searches = past();
  $('past').replaceChildren(...searches.map(({ said, address: href }) => element('li', {}, element('a', { href, textContent: said }))));
  $('no-past').hidden = searches.length > 0;
  $('forget').hidden = !searches.length;
}

$('forget').onclick = () => void (sessionStorage.removeItem('past'), showPast());
document.addEventListener('click', (event) => {
  if (!$('history').contains(event.target) || event.target.closest('a')) $('history').open = false;
});

// ---- keys, sliders, the token

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest?.('input:not([type=range]), dialog');
  if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    $('text').focus();
    $('text').select();
  }
  if (event.key === 'Escape' && $('history').open) $('history').querySelector('summary').click();
});
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown' && hits.length) {
    event.preventDefault();
    moveTo(0);
  }
});
$('form').onsubmit = (event) => {
  event.preventDefault();
  const text = $('text').value;
  if (matchMedia('(hover: none)').matches) $('text').blur(); // the keyboard would hide the results
  go(text === state.text ? {} : { text, weights: {} });
};
for (const name of ['k', 'rerank']) {
  $(name).oninput = () => { $(`${name}-said`).textContent = $(name).value; };
  $(name).onchange = () => go({ [name]: Number($(name).value) });
}
$('cancel').onclick = () => {
  running?.abort();
  $('status').textContent = 'Cancelled.';
};
document.querySelector('.brand').onclick = (event) => {
  event.preventDefault();
  forgetSent();
  go(empty());
  $('text').focus();
};

function openDoor() {
  if ($('door').open) return;
  $('door-said').textContent = token ? 'This token is not the right one.' : '';
  $('door').showModal();
}

$('door-form').onsubmit = (event) => {
  event.preventDefault();
  token = $('token').value.trim();
  $('token').value = '';
  sessionStorage.setItem('token', token);
  $('door').close();
  start();
};

async function start() {
  try {
    info = await askJson('/api/info');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status !== 401) showNotice(error.message, { bad: true, again: start });
    return;
  }
  showNotice('');
  $('about').textContent = `${info.images.toLocaleString('en')} images · ${info.model}`;
  $('text').maxLength = info.limits.letters;
  $('examples').querySelector('ul').replaceChildren(...EXAMPLES.map((text) => element('li', {},
    element('a', { href: `#${new URLSearchParams({ q: text })}`, textContent: text }))));
  showPast();
  const moved = () => {
    state = readAddress();
    search();
  };
  window.onpopstate = moved; // also where a link leads to another #
  moved();
  if (!state.text && matchMedia('(hover: hover)').matches) $('text').focus();
}

start();
