namespace OpsPlatform.Sync.Feed;

/// <summary>The live end of one organisation's feed in this process, as long as somebody listens.</summary>
internal sealed class OrganisationFeed
{
    private readonly Lock _gate = new();
    private readonly List<Subscription> _subscriptions = [];
    private long? _position;
    private long _wanted;
    private bool _isFilling;

    /// <summary>Everything up to here has been offered to those attached; null until somebody has read the table.</summary>
    public long? Position
    {
        get
        {
            lock (_gate)
            {
                return _position;
            }
        }
    }

    public void Attach(Subscription subscription)
    {
        lock (_gate)
        {
            _subscriptions.Add(subscription);
        }
    }

    /// <returns>True when it was the last one.</returns>
    public bool Detach(Subscription subscription)
    {
        lock (_gate)
        {
            _subscriptions.Remove(subscription);
            return _subscriptions.Count == 0;
        }
    }

    public bool IsLiveAt(long reached)
    {
        lock (_gate)
        {
            if (_position is null && _wanted > reached)
            {
                // Another replica appended since the table was read: once more.
                _wanted = 0;
                return false;
            }

            _position ??= reached;
            return _position <= reached;
        }
    }

    /// <summary>Offers what goes on from the position; what was offered before is passed over.</summary>
    /// <returns>False when entries before the batch are missing here: they have to be read from the table, and the batch with them.</returns>
    public bool TryDeliver(FrameBatch batch)
    {
        lock (_gate)
        {
            // Not known yet means that everybody attached is still reading the table and will compare with the position set here.
            _position ??= batch.After;
            if (batch.After > _position)
            {
                _wanted = Math.Max(_wanted, batch.UpTo);
                return false;
            }

            if (batch.UpTo > _position)
            {
                _position = batch.UpTo;
                foreach (var subscription in _subscriptions)
                {
                    subscription.Offer(batch);
                }
            }

            return true;
        }
    }

    /// <returns>True when entries up to <paramref name="head"/> have to be read from the table.</returns>
    public bool IsBehind(long head)
    {
        lock (_gate)
        {
            _wanted = Math.Max(_wanted, head);
            // Not known yet means that everybody attached is still reading the table and will look at what is wanted.
            return head > _position;
        }
    }

    /// <summary>The table no longer holds what was delivered: everybody has to come again.</summary>
    public void StartAgain()
    {
        lock (_gate)
        {
            _position = null;
            _wanted = 0;
            foreach (var subscription in _subscriptions)
            {
                subscription.FallBehind();
            }
        }
    }

    /// <summary>One reader of the table at a time is enough.</summary>
    public bool TryBeginFilling()
    {
        lock (_gate)
        {
            return _position is not null && !_isFilling && (_isFilling = true);
        }
    }

    /// <summary>What was wanted before the table is read is found there, or is not there: only what is wanted meanwhile has it read once more.</summary>
    /// <returns>The position to read from; null when everybody has been told to come again.</returns>
    public long? BeginReading()
    {
        lock (_gate)
        {
            _wanted = _position is null ? _wanted : 0;
            return _position;
        }
    }

    /// <returns>False when there is more to read up to <paramref name="head"/>, or up to a batch that could not be delivered meanwhile.</returns>
    public bool TryEndFilling(long head)
    {
        lock (_gate)
        {
            if (_position < Math.Max(head, _wanted))
            {
                return false;
            }

            _isFilling = false;
            return true;
        }
    }

    public void StopFilling()
    {
        lock (_gate)
        {
            _isFilling = false;
        }
    }
}
