import { CHART_STYLE } from './chart.js'

/** The page's style: one column, light or dark as the reader's system, small enough for a phone, plain on paper. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--text:#1d2530;--muted:#5a6573;--line:#dde2e8;--bar:#4d8be8;--hot:#c24a06;--hot-back:#fff1e6;--code:#eef1f5}
@media(prefers-color-scheme:dark){:root{--page:#0f1217;--card:#171c23;--text:#e3e8ee;--muted:#98a4b3;--line:#2b333e;--bar:#5f9df5;--hot:#ff9f5e;--hot-back:#33210f;--code:#232a33}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:880px;margin:0 auto;padding:28px 16px 40px}
header p:last-child{margin:4px 0 20px;color:var(--muted)}header h1{font-size:26px;line-height:1.2;margin:0}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px 24px;margin:0 0 16px}
h2{font-size:18px;line-height:1.3;margin:0 0 8px}h3{font-size:15px;margin:20px 0 4px}
p{margin:0 0 14px;max-width:74ch}p:last-child{margin-bottom:0}
code,.template,.number,.code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12.5px}
code,.code{background:var(--code);border-radius:3px;padding:1px 4px}.code{color:var(--muted);font-size:11px}
dl,dt,dd,ol,ul{margin:0;padding:0}
.figures{display:grid;grid-template-columns:repeat(6,1fr);gap:1px;background:var(--line);border:1px solid var(--line);border-radius:8px;overflow:hidden;margin-bottom:20px}
.figures div{background:var(--card);padding:10px 12px;display:flex;flex-direction:column-reverse;justify-content:flex-end}
.figures dt{color:var(--muted);font-size:13px}.figures dd{font-size:19px;font-weight:600;font-variant-numeric:tabular-nums;white-space:nowrap}
.advice{background:var(--hot-back);border-left:4px solid var(--hot);border-radius:4px;padding:12px 16px;margin-bottom:20px}.advice h2{font-size:15px;margin:0 0 4px}.advice li{margin:0 0 4px 18px}
.columns{display:grid;grid-template-columns:1fr 1fr;gap:8px 36px}.columns>div{min-width:0}
.list{display:grid;grid-template-columns:auto minmax(0,1fr);gap:3px 16px}.list dt{color:var(--muted)}.list dd{overflow-wrap:anywhere;text-align:right}
.wide,.narrow{margin-bottom:6px}.narrow{display:none}.muted,.skipped{color:var(--muted)}.nowrap{white-space:nowrap}
.any{color:var(--muted);font-style:normal}
.template{overflow-wrap:anywhere;min-width:0;overflow:hidden;line-height:1.45}
.bar{display:block;height:6px;border-radius:3px;background:var(--line);overflow:hidden}.bar span{display:block;height:100%;background:var(--bar);border-radius:3px}
.value{font-variant-numeric:tabular-nums;text-align:right;white-space:nowrap}
.tag{color:var(--hot);background:var(--hot-back);border-radius:9px;padding:1px 8px;font-size:12px;white-space:nowrap}
summary{cursor:pointer;padding:6px 0}summary b{overflow-wrap:anywhere}
.session{border-top:1px solid var(--line)}.session:first-of-type{border-top:0}.events{list-style:none;padding:2px 0 14px}
.events>li{display:grid;grid-template-columns:30px minmax(0,1fr) 120px 40px;gap:0 10px;align-items:start;padding:3px 8px;border-radius:6px;font-size:13.5px}
.events>.skipped{display:block;padding-left:48px}.number{color:var(--muted);text-align:right}
.events>.worst{background:var(--hot-back);padding:8px}.events>li>.bar{margin-top:7px}.worst>.bar>span{background:var(--hot)}.worst>.value{color:var(--hot);font-weight:600}
.expected{grid-column:2/-1;margin-top:8px;padding:0 0 0 12px;border-left:2px solid var(--hot);font-family:system-ui,sans-serif;color:var(--muted)}
.expected li{list-style:none;display:grid;grid-template-columns:62px minmax(0,1fr);gap:10px;margin-top:2px;font-size:12.5px;overflow-wrap:anywhere;color:var(--text);font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
table{width:100%;border-collapse:collapse;table-layout:fixed;font-size:13.5px}
th{text-align:left;font-weight:600;color:var(--muted);border-bottom:1px solid var(--line);padding:4px 0}td{border-bottom:1px solid var(--line);padding:5px 0;vertical-align:top}
th.num,td.num{text-align:right;font-variant-numeric:tabular-nums;width:90px;padding-left:12px}th.num:last-child{width:136px}td .bar{margin-top:3px}
footer{color:var(--muted);font-size:13px;padding:0 4px}
@media(max-width:640px){main{padding:16px 8px}header{padding:0 6px}section{padding:16px 14px}.figures{grid-template-columns:repeat(2,1fr)}.columns{grid-template-columns:1fr}.wide{display:none}.narrow{display:block}
.events>li{grid-template-columns:24px minmax(0,1fr) 56px 32px;gap:0 6px;padding:3px 2px}.events>.worst{padding:8px 2px}.events>.skipped{padding-left:32px}th.num,td.num{width:62px;padding-left:6px}th.num:last-child{width:84px}.tag{white-space:normal}}
@media print{:root{--page:#fff;--card:#fff;--text:#000;--muted:#444;--line:#ccc;--bar:#4d8be8;--hot:#c24a06;--hot-back:#fff1e6;--code:#eee}.chart{--c0:#2265c9;--c1:#c2560c;--c2:#1f8a5b;--c3:#8a46b8}body{font-size:11pt}main{max-width:none;padding:0}section{border:0;padding:8px 0}.chart,.events>li,tr,.figures,.advice{break-inside:avoid}h2,summary{break-after:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
${CHART_STYLE}
`.trim()
