// For a site that is opened from a folder (file://), where browsers refuse workers: the worker's script runs in a hidden
// frame instead. Zensical would fetch such a script from elsewhere, unless one of this name is given.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(script) {
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.document.open();
      inside.document.write("<body>");
      inside.document.close();
      inside.postMessage = (data) => this.onmessage?.({ data });
      this.ready = new Promise((resolve, reject) => {
        const element = inside.document.createElement("script");
        element.src = new URL(script, document.baseURI);
        element.onload = resolve;
        element.onerror = reject;
        inside.document.body.append(element);
      });
      this.ready.catch((event) => this.onerror?.(event));
    }

    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow?.onmessage({ data: structuredClone(data) }), () => {});
    }

    terminate() {
      this.frame.remove();
    }
  };
}
