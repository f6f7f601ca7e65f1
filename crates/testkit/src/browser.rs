//! A real browser: Chromium without a window, driven by the WebDriver protocol (W3C WebDriver, level 2; JSON over HTTP), of which this is as much as tests of
//! pages need.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peers::{Child, fail, free_address};
use crate::plain_http;

/// What the protocol calls the reference of an element (section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// 10 s for something to appear on a page, looked for every 50 ms.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// A browser with a profile of its own, gone when dropped. Every screenshot goes to `target/screenshots/<test>/`.
#[derive(Debug)]
pub struct Browser {
    /// `http://127.0.0.1:<port>/session/<id>`.
    session: String,
    screenshots: PathBuf,
    taken: AtomicU32,
    _driver: Child,
    _profile: TempDir,
}

/// A key that is no letter (section 17.4.2).
#[derive(Clone, Copy, Debug)]
pub enum Key {
    /// To the next thing.
    Tab,
    /// Does it.
    Enter,
}

impl Browser {
    /// Starts one for the test of this name.
    ///
    /// # Panics
    /// If Chromium or its driver is missing; the message says how to install them.
    pub fn open(test: &str) -> Self {
        let program = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(on_path);
        let program = program.unwrap_or_else(|| fail("this test needs the browser Chromium", &"there is no `chromium`"));
        let driver = on_path("chromedriver").unwrap_or_else(|| fail("this test needs Chromium's driver", &"there is no `chromedriver`"));
        let profile = tempfile::tempdir().unwrap_or_else(|error| fail("no directory for a browser's profile", &error));
        let address = free_address();
        let port = format!("--port={}", address.port());
        let mut driver = Child::spawn(Command::new(driver).arg(port).stdout(Stdio::null()).stderr(Stdio::null()));
        let base = format!("http://{address}");
        if !driver.becomes_ready(|| plain_http::get(&format!("{base}/status")).is_ok()) {
            fail("chromedriver did not start", &address);
        }
        let wanted = capabilities(&program, profile.path());
        let made = plain_http::post_json(&format!("{base}/session"), &wanted);
        let id = made.ok().and_then(|answer| answer.json()["value"]["sessionId"].as_str().map(str::to_owned));
        let id = id.unwrap_or_else(|| fail("Chromium did not start", &program.display()));
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
        let screenshots = target.join("screenshots").join(test);
        // Of the run before.
        let _ = fs::remove_dir_all(&screenshots);
        Self { session: format!("{base}/session/{id}"), screenshots, taken: AtomicU32::new(0), _driver: driver, _profile: profile }
    }

    /// Goes to an address, as if it were typed.
    pub fn go(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// The button "Back".
    pub fn back(&self) {
        self.post("back", &json!({}));
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.get("url")
    }

    /// What the page is called.
    pub fn title(&self) -> String {
        self.get("title")
    }

    /// The page as it is now, as HTML.
    pub fn source(&self) -> String {
        self.get("source")
    }

    /// The text of the first element that fits, as a person sees it.
    pub fn text(&self, css: &str) -> String {
        self.on(css, "text", None).as_str().unwrap_or_default().to_owned()
    }

    /// Whether anything on the page fits, now.
    pub fn has(&self, css: &str) -> bool {
        self.look(css).is_some()
    }

    /// Clicks the first element that fits, and waits for the page to which it leads: the driver itself waits only for a page that is on its way already.
    ///
    /// # Panics
    /// If no other page has come within 10 s.
    pub fn click(&self, css: &str) {
        let left = self.look("html");
        self.on(css, "click", Some(&json!({})));
        for _ in 0..LOOKS {
            if self.look("html body").is_some() && self.look("html") != left {
                return;
            }
            thread::sleep(PAUSE);
        }
        fail(&format!("a click on `{css}` led nowhere"), &self.place())
    }

    /// Types into the first element that fits.
    pub fn type_into(&self, css: &str, text: &str) {
        self.on(css, "value", Some(&json!({ "text": text })));
    }

    /// Presses a key, wherever the focus is.
    pub fn press(&self, key: Key) {
        let code = match key {
            Key::Tab => "\u{E004}",
            Key::Enter => "\u{E007}",
        };
        let strokes = json!([{ "type": "keyDown", "value": code }, { "type": "keyUp", "value": code }]);
        self.post("actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] }));
    }

    /// Types letters, wherever the focus is.
    pub fn type_here(&self, text: &str) {
        let active = self.value(&format!("{}/element/active", self.session), None);
        let id = active[ELEMENT].as_str().unwrap_or_default().to_owned();
        self.post(&format!("element/{id}/value"), &json!({ "text": text }));
    }

    /// What has the focus, by its accessible name.
    pub fn focused(&self) -> String {
        let active = self.value(&format!("{}/element/active", self.session), None);
        self.get(&format!("element/{}/computedlabel", active[ELEMENT].as_str().unwrap_or_default()))
    }

    /// The accessible name of the first element that fits, as a screen reader has it.
    pub fn label(&self, css: &str) -> String {
        self.on(css, "computedlabel", None).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until it is somewhere that `is_there`.
    ///
    /// # Panics
    /// If it is not within 10 s.
    pub fn wait_for(&self, is_there: impl Fn(&str) -> bool) -> String {
        for _ in 0..LOOKS {
            let url = self.url();
            if is_there(&url) {
                return url;
            }
            thread::sleep(PAUSE);
        }
        fail("the browser did not get there", &self.place())
    }

    /// What the browser complained of since it was asked last: blocked scripts and styles, failed requests, anything in its console.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.value(&format!("{}/se/log", self.session), Some(&json!({ "type": "browser" })));
        let entries = log.as_array().map(Vec::as_slice).unwrap_or_default();
        entries.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Keeps what is to be seen, as `target/screenshots/<test>/NN-name.png`.
    pub fn screenshot(&self, name: &str) {
        let number = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        let png = STANDARD.decode(self.get("screenshot")).unwrap_or_default();
        let path = self.screenshots.join(format!("{number:02}-{name}.png"));
        let written = fs::create_dir_all(&self.screenshots).and_then(|()| fs::write(&path, png));
        written.unwrap_or_else(|error| fail("a screenshot cannot be kept", &error));
    }

    /// A command on the first element that fits. One that went with its page before the command came is looked for again on the next.
    fn on(&self, css: &str, command: &str, parameters: Option<&Value>) -> Value {
        for _ in 0..LOOKS {
            let id = self.look(css);
            let done = id.map(|id| self.ask(&format!("{}/element/{id}/{command}", self.session), parameters));
            match done {
                Some(Ok(value)) => return value,
                Some(Err(refusal)) if !refusal.contains("stale element reference") => fail(&format!("{command} of `{css}`"), &refusal),
                Some(Err(_)) | None => thread::sleep(PAUSE),
            }
        }
        fail(&format!("no `{css}` on the page"), &self.place())
    }

    /// Where it is and the beginning of what is there, for a test that fails.
    fn place(&self) -> String {
        let page: String = self.source().chars().take(3_000).collect();
        format!("it is at {}: {page}", self.url())
    }

    fn look(&self, css: &str) -> Option<String> {
        let found = self.value(&format!("{}/elements", self.session), Some(&json!({ "using": "css selector", "value": css })));
        found.get(0).and_then(|element| element[ELEMENT].as_str()).map(str::to_owned)
    }

    fn get(&self, command: &str) -> String {
        self.value(&format!("{}/{command}", self.session), None).as_str().unwrap_or_default().to_owned()
    }

    fn post(&self, command: &str, parameters: &Value) {
        self.value(&format!("{}/{command}", self.session), Some(parameters));
    }

    fn value(&self, url: &str, parameters: Option<&Value>) -> Value {
        self.ask(url, parameters).unwrap_or_else(|refusal| fail(&format!("the browser refused {url}"), &refusal))
    }

    #[allow(clippy::unused_self, reason = "a session that has ended answers nothing")]
    fn ask(&self, url: &str, parameters: Option<&Value>) -> Result<Value, String> {
        let answer = match parameters {
            Some(parameters) => plain_http::post_json(url, parameters),
            None => plain_http::get(url),
        };
        match answer {
            Ok(answer) if answer.status == 200 => Ok(answer.json()["value"].clone()),
            Ok(answer) => Err(answer.text()),
            Err(error) => fail(&format!("the browser did not answer {url}"), &error),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser; killed before, it would leave it behind.
        let _ = plain_http::send("DELETE", &self.session, &[], b"");
    }
}

fn capabilities(program: &Path, profile: &Path) -> Value {
    let arguments = [
        "--headless=new",
        // A container's root has no user name spaces for the sandbox; the pages are our own.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1100,900",
        &format!("--user-data-dir={}", profile.display()),
    ]
    .map(str::to_owned);
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": { "binary": program, "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "implicit": 0, "pageLoad": 25_000 },
    } } })
}

fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|directory| directory.join(name)).find(|candidate| candidate.is_file())
}
