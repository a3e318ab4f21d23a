//! One kind of object: listed, then watched from where the list ended, for ever.
//!
//! As the Kubernetes documentation has it ("Efficient detection of changes"), and as client-go's
//! reflector does: the list is taken from the server's cache, not older than what was seen before; a version that is
//! gone is followed by a new list; what the new list lacks was deleted meanwhile.

use std::time::Duration;

use hyper::Request;
use kube::core::params::{ListParams, VersionMatch, WatchParams};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout};

use super::Times;
use super::answer::{Failure, Lines, MAX_EVENT, MAX_LIST, Status, ask, whole};
use super::backoff::Backoff;
use super::desk::Closed;
use super::link::Link;
use super::object::Meta;

/// Objects of one page, where pages are needed.
const PAGE: u32 = 100;
/// Pages of one list at most.
const MAX_PAGES: u32 = 1000;
/// A version that the server's cache has in any case.
const ANY: &str = "0";
/// A watch that ends sooner than this, with nothing told, is not to be begun anew at once.
const SHORT: Duration = Duration::from_secs(2);

/// What takes the objects of one kind.
pub(super) trait Shelf: Sync {
    /// An object, as far as it is read.
    type Object: DeserializeOwned + AsRef<Meta> + Send;

    /// The question for a list.
    fn list(&self, params: &ListParams) -> Result<Request<Vec<u8>>, kube::core::request::Error>;
    /// The question for a watch that begins after `version`.
    fn watch(
        &self,
        params: &WatchParams,
        version: &str,
    ) -> Result<Request<Vec<u8>>, kube::core::request::Error>;
    /// Which objects.
    fn fields(&self) -> Option<String>;
    /// A list begins: what it will not name is gone.
    fn begin(&self) -> impl Future<Output = Result<(), Closed>> + Send;
    /// This object is there.
    fn put(&self, object: Self::Object) -> impl Future<Output = Result<(), Closed>> + Send;
    /// This object is there no more.
    fn remove(&self, object: Self::Object) -> impl Future<Output = Result<(), Closed>> + Send;
    /// The list is complete.
    fn complete(&self) -> impl Future<Output = Result<(), Closed>> + Send;
    /// The server tells of changes.
    fn up(&self) -> impl Future<Output = Result<(), Closed>> + Send;
    /// The server does not answer.
    fn down(&self, why: &Failure) -> impl Future<Output = Result<(), Closed>> + Send;
}

/// How far one kind has been followed.
#[derive(Debug)]
struct Place {
    /// Version of the last list or event.
    version: String,
    /// What is known is complete up to that version.
    listed: bool,
    /// The next list is read from the store itself, in pages.
    paged: bool,
    /// The last watch was worth its beginning: it lasted, or told something.
    lasted: bool,
}

/// Why a round ended.
enum End {
    /// Nobody listens.
    Closed,
    /// The server is to be told of, and left alone for a while.
    Failed(Failure),
    /// A watch came to its end, as each does.
    Over,
    /// What was seen is too old or in doubt: list anew.
    Stale(Failure),
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Follows until nobody listens.
pub(super) async fn follow<S: Shelf>(link: &Link, times: &Times, shelf: &S) {
    let mut backoff = Backoff::new(times.pace);
    let mut place = Place {
        version: ANY.into(),
        listed: false,
        paged: false,
        lasted: false,
    };
    loop {
        place.lasted = false;
        let end = round(link, times, shelf, &mut place).await;
        if place.lasted {
            backoff.reset();
        }
        let pause = match end {
            End::Closed => return,
            End::Over if place.lasted => backoff.spread(),
            End::Over => backoff.next(None),
            End::Stale(why) => {
                tracing::debug!(%why, "the list of objects was read anew");
                place.listed = false;
                backoff.next(None)
            }
            End::Failed(why) => {
                if shelf.down(&why).await.is_err() {
                    return;
                }
                let pause = backoff.next(why.after());
                tracing::debug!(%why, ?pause, "the API server was left alone for a while");
                pause
            }
        };
        sleep(pause).await;
    }
}

/// A list if there is need of one, and one watch.
async fn round<S: Shelf>(link: &Link, times: &Times, shelf: &S, place: &mut Place) -> End {
    if !place.listed {
        if let Err(end) = list(link, times, shelf, place).await {
            return after_list(end, place);
        }
        place.listed = true;
        place.paged = false;
        if let Err(closed) = shelf.complete().await {
            return closed.into();
        }
    }
    match watch(link, times, shelf, place).await {
        Ok(()) => End::Over,
        Err(End::Failed(why)) if why.is_gone() || is_doubt(&why) => End::Stale(why),
        Err(end) => end,
    }
}

/// A list that failed may do the other way: a cache may lack the version, and does not know pages.
fn after_list(end: End, place: &mut Place) -> End {
    let End::Failed(why) = end else { return end };
    let from_cache = !place.paged;
    match why {
        Failure::Access(_)
        | Failure::Connection(_)
        | Failure::Status {
            code: 401 | 403 | 429,
            ..
        } => {}
        _ => place.paged = from_cache,
    }
    if why.is_gone() && from_cache {
        return End::Stale(why);
    }
    End::Failed(why)
}

/// Whether an event may have been missed.
fn is_doubt(why: &Failure) -> bool {
    matches!(why, Failure::Malformed(_) | Failure::TooLarge(_))
}

/// `PodList` and the like. Objects stay text, so that a broken one costs no other.
#[derive(Debug, Deserialize)]
struct Page<'a> {
    metadata: PageMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PageMeta {
    resource_version: String,
    r#continue: String,
}

async fn list<S: Shelf>(
    link: &Link,
    times: &Times,
    shelf: &S,
    place: &mut Place,
) -> Result<(), End> {
    let mut params = ListParams {
        field_selector: shelf.fields(),
        ..ListParams::default()
    };
    if place.paged {
        params.limit = Some(PAGE);
    } else {
        params.resource_version = Some(place.version.clone());
        params.version_match = Some(VersionMatch::NotOlderThan);
    }
    shelf.begin().await?;
    for _ in 0..MAX_PAGES {
        let request = shelf.list(&params).map_err(|e| Failure::malformed(&e))?;
        let body = ask(link, request, times.answer).await?;
        let bytes = whole(body, MAX_LIST, times.list).await?;
        let page: Page<'_> = serde_json::from_slice(&bytes).map_err(|e| Failure::malformed(&e))?;
        for item in page.items.unwrap_or_default() {
            match serde_json::from_str(item.get()) {
                Ok(object) => shelf.put(object).await?,
                Err(error) => {
                    tracing::warn!(%error, "an object of the API server's list was left out");
                }
            }
        }
        if page.metadata.r#continue.is_empty() {
            place.version = version(page.metadata.resource_version)?;
            return Ok(());
        }
        params.continue_token = Some(page.metadata.r#continue);
    }
    Err(Failure::Malformed(format!("a list of more than {MAX_PAGES} pages")).into())
}

/// A watch cannot begin without one.
fn version(text: String) -> Result<String, Failure> {
    if text.is_empty() {
        return Err(Failure::Malformed("no resourceVersion".into()));
    }
    Ok(text)
}

/// One line of a watch.
#[derive(Debug, Deserialize)]
struct Event<'a> {
    r#type: Box<str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// A bookmark: all that came before this version has been told.
#[derive(Debug, Deserialize)]
struct Bookmark {
    metadata: Meta,
}

/// Watches until the server ends it, or the connection does.
async fn watch<S: Shelf>(
    link: &Link,
    times: &Times,
    shelf: &S,
    place: &mut Place,
) -> Result<(), End> {
    let length = times.watch.mul_f64(1.0 + fastrand::f64() / 5.0);
    let length = Duration::from_secs(length.as_secs().max(1));
    let params = WatchParams {
        field_selector: shelf.fields(),
        timeout: u32::try_from(length.as_secs()).ok(),
        bookmarks: true,
        ..WatchParams::default()
    };
    let request = shelf
        .watch(&params, &place.version)
        .map_err(|e| Failure::malformed(&e))?;
    let body = ask(link, request, times.answer).await?;
    shelf.up().await?;
    let began = Instant::now();
    let ended = lines(body, length + times.silence, shelf, place).await;
    place.lasted |= began.elapsed() >= SHORT;
    ended
}

/// Takes what a watch tells.
async fn lines<S: Shelf>(
    body: kube::client::Body,
    silence: Duration,
    shelf: &S,
    place: &mut Place,
) -> Result<(), End> {
    let mut lines = Lines::new(body, MAX_EVENT);
    loop {
        let line = match timeout(silence, lines.next()).await {
            Ok(Ok(Some(line))) => line,
            // Servers, balancers and networks end what lasts long: the next watch shows whether
            // more is wrong.
            Ok(Ok(None) | Err(Failure::Connection(_))) | Err(_) => return Ok(()),
            Ok(Err(why)) => return Err(why.into()),
        };
        if !line.trim_ascii().is_empty() {
            event(shelf, place, &line).await?;
            place.lasted = true;
        }
    }
}

/// Takes one line.
async fn event<S: Shelf>(shelf: &S, place: &mut Place, line: &[u8]) -> Result<(), End> {
    let event: Event<'_> = parse(line)?;
    let object = event.object.get().as_bytes();
    match &*event.r#type {
        "ADDED" | "MODIFIED" => {
            let object: S::Object = parse(object)?;
            let next = version(object.as_ref().resource_version.to_string())?;
            shelf.put(object).await?;
            place.version = next;
        }
        "DELETED" => {
            let object: S::Object = parse(object)?;
            let next = version(object.as_ref().resource_version.to_string())?;
            shelf.remove(object).await?;
            place.version = next;
        }
        "BOOKMARK" => {
            let mark: Bookmark = parse(object)?;
            place.version = version(mark.metadata.resource_version.into())?;
        }
        "ERROR" => return Err(Failure::from(parse::<Status>(object)?).into()),
        other => {
            let kind = super::answer::one_line(other);
            return Err(Failure::Malformed(format!("event of type {kind:?}")).into());
        }
    }
    Ok(())
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(text).map_err(|error| Failure::malformed(&error))
}
