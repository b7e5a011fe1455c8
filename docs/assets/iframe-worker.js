// The search runs in a worker. A browser refuses to start one from a file, so that pages that are
// opened as files run it in a frame without content. Pages of a server keep the browser's worker.
(function () {
  "use strict";
  // Words are searched as typed. In the search's own language, "-" before a word excludes it, and ":"
  // after a word makes it the name of a field, as in ec2:CreateTags. "+" requires a word, as each of an
  // option. Without "^1", a word also stands for longer ones: too many for the text of an error.
  const QUERY = 2;
  const FEW = 3;
  function words(text) {
    const typed = text.replace(/[:^~*+]/g, " ").split(/\s+/).filter(Boolean);
    const whole = typed.length > FEW ? "^1" : "";
    return typed.map((word) => {
      const [, option] = word.match(/^--([a-z][a-z-]*[a-z])$/) || [];
      return option ? option.replace(/^|-/g, " +") : word.replace(/^-+/, "") + whole;
    }).join(" ");
  }
  const asTyped = (message) => (message.type === QUERY ? { ...message, data: words(message.data) } : message);

  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    return post.call(this, asTyped(message), ...rest);
  };

  if (location.protocol !== "file:") return;
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.inside = frame.contentWindow;
      // What the worker sends.
      this.inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = frame.contentDocument.createElement("script");
      script.src = new URL(address, document.baseURI).href;
      this.ready = new Promise((done) => script.addEventListener("load", done));
      frame.contentDocument.body.append(script);
    }

    postMessage(message) {
      const data = asTyped(message);
      this.ready.then(() => this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data })));
    }
  };
})();
