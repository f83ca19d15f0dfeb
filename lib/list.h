#pragma once

// An intrusive doubly linked list: the links live in the element, so that putting a page on a
// list allocates nothing and taking it off needs no search. Not locked; the owner of the list is
// the owner of its elements' links.

#include <cstddef>
#include <iterator>

#include "lib/check.h"

namespace ring3 {

// The links. Unlinked when both are null. All zero bits is a valid unlinked node, so that a page
// array need not be written before it is used.
struct ListNode {
  ListNode* next = nullptr;
  ListNode* prev = nullptr;
  bool linked() const { return next != nullptr; }
};

// A list of T whose links are the member `Node`. The head is part of a ring, so insertion and
// removal have no special case; therefore a List does not move.
template <class T, ListNode T::*Node>
class List {
 public:
  List() { head_.next = head_.prev = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  bool empty() const { return head_.next == &head_; }

  void push_front(T& element) { insert_between(element.*Node, head_, *head_.next); }
  void push_back(T& element) { insert_between(element.*Node, *head_.prev, head_); }
  // In front of `position`, which is on this list.
  void insert_before(T& position, T& element) {
    ListNode& next = position.*Node;
    insert_between(element.*Node, *next.prev, next);
  }
  // Behind `position`, which is on this list.
  void insert_after(T& position, T& element) {
    ListNode& prev = position.*Node;
    insert_between(element.*Node, prev, *prev.next);
  }

  // The first (last) element, or null.
  T* front() const { return empty() ? nullptr : owner(head_.next); }
  T* back() const { return empty() ? nullptr : owner(head_.prev); }
  // The element behind `element`, or null.
  T* next(T& element) const {
    ListNode* node = (element.*Node).next;
    return node == &head_ ? nullptr : owner(node);
  }
  // The element before `element`, or null.
  T* prev(T& element) const {
    ListNode* node = (element.*Node).prev;
    return node == &head_ ? nullptr : owner(node);
  }

  // Takes `element` off the list it is on, which must be this one.
  void remove(T& element) {
    ListNode& node = element.*Node;
    DCHECK(node.linked());
    node.prev->next = node.next;
    node.next->prev = node.prev;
    node = ListNode{};
  }

  T* pop_front() {
    T* element = front();
    if (element != nullptr) remove(*element);
    return element;
  }

  class iterator {
   public:
    explicit iterator(ListNode* node) : node_(node) {}
    T& operator*() const { return *owner(node_); }
    T* operator->() const { return owner(node_); }
    iterator& operator++() {
      node_ = node_->next;
      return *this;
    }
    bool operator==(const iterator&) const = default;

   private:
    ListNode* node_;
  };
  // Removing an element invalidates iterators at that element only.
  iterator begin() const { return iterator(head_.next); }
  iterator end() const { return iterator(const_cast<ListNode*>(&head_)); }

 private:
  static void insert_between(ListNode& node, ListNode& prev, ListNode& next) {
    DCHECK(!node.linked());
    node.prev = &prev;
    node.next = &next;
    prev.next = &node;
    next.prev = &node;
  }

  // container_of: the offset of a data member is the same for every object of T.
  static T* owner(ListNode* node) {
    alignas(T) static char probe[sizeof(T)];
    const auto* as_t = reinterpret_cast<const T*>(probe);
    const auto offset = reinterpret_cast<const char*>(&(as_t->*Node)) - probe;
    return reinterpret_cast<T*>(reinterpret_cast<char*>(node) - offset);
  }

  ListNode head_;
};

}  // namespace ring3
