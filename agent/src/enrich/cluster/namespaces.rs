//! The labels of all namespaces: nobody knows before which of them this node's next pod will be in.

use hyper::Request;
use kube::core::params::{ListParams, WatchParams};
use kube::core::request;

use super::answer::Failure;
use super::book::Book;
use super::desk::{Closed, Desk};
use super::follow::Shelf;
use super::labels::bounded;
use super::object::Named;

const PATH: &str = "/api/v1/namespaces";

/// Puts namespaces on the desk.
#[derive(Debug)]
pub(super) struct Namespaces<'d> {
    desk: &'d Desk,
}

impl<'d> Namespaces<'d> {
    pub(super) fn new(desk: &'d Desk) -> Self {
        Self { desk }
    }
}

impl Shelf for Namespaces<'_> {
    type Object = Named;

    fn list(&self, params: &ListParams) -> Result<Request<Vec<u8>>, request::Error> {
        kube::core::Request::new(PATH).list_metadata(params)
    }

    fn watch(
        &self,
        params: &WatchParams,
        version: &str,
    ) -> Result<Request<Vec<u8>>, request::Error> {
        kube::core::Request::new(PATH).watch_metadata(params, version)
    }

    fn fields(&self) -> Option<String> {
        None
    }

    async fn begin(&self) -> Result<(), Closed> {
        self.desk.update(Book::begin_namespaces).await
    }

    async fn put(&self, space: Named) -> Result<(), Closed> {
        let labels = bounded(space.metadata.labels);
        self.desk
            .update(|book| book.put_namespace(&space.metadata.name, labels))
            .await
    }

    async fn remove(&self, space: Named) -> Result<(), Closed> {
        self.desk
            .update(|book| book.remove_namespace(&space.metadata.name))
            .await
    }

    async fn complete(&self) -> Result<(), Closed> {
        self.desk.update(Book::complete_namespaces).await
    }

    async fn up(&self) -> Result<(), Closed> {
        Ok(())
    }

    /// Pods are told all the same, without these labels.
    async fn down(&self, why: &Failure) -> Result<(), Closed> {
        let refused = why.is_refusal();
        self.desk
            .update(|book| book.no_namespaces(&why.to_string(), refused))
            .await
    }
}
