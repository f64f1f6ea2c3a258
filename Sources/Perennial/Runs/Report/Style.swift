/// The look of every report: ink on paper, or the same at night; one column on a phone.
enum Style {
  static let css = """
    :root{
    --paper:#fbfaf6;--ink:#1d1f1c;--soft:#63665f;--rule:#dcdad0;--hair:#e8e6dd;--green:#1f6b54;--missed:#a8381c;
    --s0:#1f6db0;--s1:#c4501b;--s2:#1e8a5f;--s3:#8c4fa3;--s4:#9a7400;--s5:#0b8793;--s6:#b53a6b;--s7:#5a6bc4;
    --low:#75746c;--top:#1d1f1c;--tolerance:#1f6b5422;
    --sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
    --serif:"Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L",P052,Georgia,"Liberation Serif",serif;
    --mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
    @media screen and (prefers-color-scheme:dark){:root{
    --paper:#171917;--ink:#e6e7e1;--soft:#a0a39a;--rule:#3a3d38;--hair:#2b2e2a;--green:#7cc5a2;--missed:#f0937a;
    --s0:#6cb2f0;--s1:#f2935c;--s2:#5fca9b;--s3:#cf9ce0;--s4:#dbb64a;--s5:#5cc9d4;--s6:#f08bb0;--s7:#a0adf5;
    --low:#8f9188;--top:#e6e7e1;--tolerance:#7cc5a22e}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
    body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 var(--sans);font-variant-numeric:tabular-nums lining-nums}
    main{max-width:1060px;margin:0 auto;padding:56px 32px 40px}
    .kind{margin:0 0 6px;color:var(--green);font-size:13px;letter-spacing:.09em;text-transform:uppercase}
    h1{margin:0 0 28px;font:400 19px/1.3 var(--mono);overflow-wrap:anywhere}
    .answer{margin:0;max-width:21em;font:400 42px/1.16 var(--serif);letter-spacing:-.012em;text-wrap:balance;overflow-wrap:anywhere}
    .detail{margin:16px 0 0;max-width:35em;font:400 21px/1.45 var(--serif);color:var(--soft);text-wrap:pretty;overflow-wrap:anywhere}
    .facts{display:flex;flex-wrap:wrap;gap:4px 20px;margin:28px 0 0;padding:12px 0 0;border-top:1px solid var(--rule);color:var(--soft);font-size:14px}
    section{margin:64px 0 0}
    h2{margin:0;font:400 27px/1.25 var(--serif);letter-spacing:-.005em}
    h3{margin:28px 0 8px;font-size:14px;font-weight:600}
    .note{margin:4px 0 20px;max-width:44em;color:var(--soft);font-size:14.5px}
    h2+table,h2+div,h2+dl{margin-top:18px}
    figure{margin:0}
    svg{display:block;width:100%;height:auto;overflow:visible;font-family:var(--sans)}
    table{border-collapse:collapse;width:100%;font-size:15px}
    th{font-weight:400;text-align:left}
    thead th,thead td{padding:0 0 7px 18px;color:var(--soft);font-size:13px;line-height:1.3;text-align:right;vertical-align:bottom;border-bottom:1px solid var(--rule)}
    thead th:first-child{padding-left:0;text-align:left}
    tbody th,tbody td{padding:9px 0 9px 18px;border-bottom:1px solid var(--hair);vertical-align:middle}
    tbody th{padding-left:0;font-weight:600;overflow-wrap:anywhere}
    .number{text-align:right;white-space:nowrap}
    .strong{font-weight:600;font-size:17px}
    .std{color:var(--soft);font-weight:400;font-size:.87em}
    .none{color:var(--soft)}
    .swatch{display:inline-block;width:26px;height:12px;margin-right:9px;vertical-align:0}
    tbody .dots{width:19%;min-width:110px;padding-left:24px}
    thead td.dots{padding-left:24px;white-space:nowrap}
    thead .dots span{display:inline-block;width:33.3%;text-align:center}
    thead .dots span:first-child{text-align:left}
    thead .dots span:last-child{text-align:right}
    .dots svg,.rail svg,.range svg{width:100%}
    .dots svg{height:14px}.rail svg{height:12px}.range svg{height:16px}
    .expectations thead th:nth-child(2),.expectations thead th:nth-child(6),.expectations thead th:nth-child(7){text-align:left}
    .expectations tbody th{min-width:112px}
    .range{width:150px}
    .source{color:var(--soft);font-size:13.5px;overflow-wrap:anywhere}
    .met{color:var(--green);font-weight:600;white-space:nowrap}
    .missed{color:var(--missed);font-weight:600;white-space:nowrap}
    .matrices{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:36px 40px;margin-top:26px}
    .matrices figure{max-width:420px}
    figcaption{display:flex;align-items:baseline;gap:0;margin:0 0 8px 26px;font-weight:600;overflow-wrap:anywhere}
    figcaption .number{margin-left:auto;padding-left:12px}
    .scale{display:inline-block;width:190px;margin-left:4px;vertical-align:-2px}
    .costs{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:28px 44px}
    .costs.two{grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr))}
    .bars{font-size:14px}
    .bars caption{padding:0 0 6px;text-align:left;color:var(--soft);font-size:13px;border-bottom:1px solid var(--rule)}
    .bars tbody th,.bars tbody td{padding:5px 0 5px 12px;border:0}
    .bars tbody th{padding-left:0;width:1%;max-width:9em;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;font-weight:400}
    .bars tbody td:last-child{width:1%;white-space:nowrap;text-align:right}
    .bars .group th{padding-top:12px;font-weight:600}
    .legend+.costs{margin-top:18px}
    .matrices+h3{margin-top:40px}
    .grid.left td,.grid.left thead th,.grid .name{text-align:left}
    .scroll{overflow-x:auto;margin-top:18px}
    .scroll:focus-visible,pre:focus-visible{outline:2px solid var(--green);outline-offset:3px}
    .grid{font-size:14px}
    .grid td,.grid thead th{text-align:right;white-space:nowrap}
    .grid thead th{min-width:4.6em;max-width:11em;white-space:normal;overflow-wrap:break-word}
    .grid thead th:first-child{text-align:left}
    .grid tbody th,.grid tbody td{padding-top:6px;padding-bottom:6px}
    .grid small{display:block;color:var(--soft);font-weight:400;font-size:12.5px;white-space:normal}
    .grid tbody th{min-width:150px}
    dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:14px 32px;margin-bottom:0}
    dt{color:var(--soft);font-size:13px}
    dd{margin:0;overflow-wrap:anywhere}
    pre{margin:0;padding:16px 18px;overflow-x:auto;border:1px solid var(--rule);border-radius:4px;font:13.5px/1.55 var(--mono)}
    footer{margin:64px 0 0;padding:12px 0 0;border-top:1px solid var(--rule);color:var(--soft);font-size:13px}
    .legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:10px 0 0;padding:0;list-style:none;font-size:14px}
    svg.narrow,.legend.narrow{display:none}
    .small-charts svg.narrow{display:block}
    .s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}.s4{--c:var(--s4)}.s5{--c:var(--s5)}.s6{--c:var(--s6)}
    .s7{--c:var(--s7)}.s-low{--c:var(--low)}.s-top{--c:var(--top)}
    .line{fill:none;stroke:var(--c);stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
    .dashed{stroke-dasharray:6 4;stroke-width:1.6}
    .dotted{stroke-dasharray:1.5 4}
    .dot{fill:var(--c);stroke:var(--paper);stroke-width:1.4}
    .hollow{fill:var(--paper);stroke:var(--c);stroke-width:2}
    .band{fill:var(--c);opacity:.13}
    .bar{fill:var(--c);opacity:.82}
    .reach{stroke:var(--c);stroke-width:2.5}
    .tolerance{fill:var(--tolerance)}
    line.drift{stroke:var(--c);stroke-width:1.4;opacity:.5}
    line.grid{stroke:var(--rule);stroke-width:1}
    .axis{stroke:var(--soft);stroke-width:1}
    .front{fill:none;stroke:var(--soft);stroke-width:1.2;stroke-dasharray:5 4}
    .whisker{stroke:var(--ink);stroke-width:1.2}
    .tick{fill:var(--soft);font-size:12px}
    .faint{font-size:11.5px}
    .cell{font-size:12.5px}
    .unseen{font-size:10.5px;opacity:.6}
    .small{font-size:10px}
    .end{fill:var(--ink);font-size:14px}
    .value{font-weight:600;fill:var(--c)}
    @media (max-width:820px){.summary .dots{display:none}}
    @media screen and (max-width:640px){
    main{padding:28px 18px 28px}
    h1{margin-bottom:18px;font-size:16px}
    .answer{font-size:31px}
    .detail{margin-top:12px;font-size:18px}
    section{margin-top:48px}
    h2{font-size:24px}
    svg.wide{display:none}svg.narrow{display:block}.legend.narrow{display:flex}
    .summary thead,.expectations thead{display:none}
    .summary tbody tr,.expectations tbody tr{display:grid;grid-template-columns:1fr 1fr 1fr;align-items:end;gap:2px 12px;padding:13px 0;border-bottom:1px solid var(--rule)}
    .summary tbody th,.summary tbody td,.expectations tbody th,.expectations tbody td{padding:0;border:0;text-align:left;white-space:normal}
    .summary tbody td::before,.expectations tbody td[data-label]::before{content:attr(data-label);display:block;color:var(--soft);font-size:12px;font-weight:400;line-height:1.3;margin-top:6px}
    .summary tbody th{grid-column:1/3}
    .summary tbody td.strong{grid-column:3;grid-row:1;text-align:right;white-space:nowrap}
    .summary tbody td.strong::before{content:none}
    .summary tbody td.dots{display:block;grid-column:1/4;min-width:0;width:auto;padding:6px 0 0}
    .summary tbody td.dots::before{content:none}
    .expectations tbody th{grid-column:1/4}
    .expectations tbody td.range{grid-column:1/4;width:auto;padding-top:8px}
    .expectations tbody td.source{grid-column:2/4}
    .matrices{gap:32px}
    .grid tbody th:first-child{position:sticky;left:0;background:var(--paper);padding-right:10px}
    .grid tbody th{min-width:132px;max-width:168px;overflow-wrap:break-word}
    dl{grid-template-columns:1fr 1fr;gap:12px 16px}
    }
    @media print{
    body{font-size:11pt;background:#fff}
    main{max-width:none;padding:0}
    section{margin-top:26pt}
    .answer{font-size:26pt}.detail{font-size:14pt}
    figure,tr,.costs table,dl div{break-inside:avoid}
    h2,.note{break-after:avoid}.note{break-inside:avoid}
    pre{white-space:pre-wrap;overflow-wrap:anywhere}
    .scroll{overflow:visible}
    .matrices{grid-template-columns:repeat(3,1fr);gap:18pt}
    *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
    }

    """
}
