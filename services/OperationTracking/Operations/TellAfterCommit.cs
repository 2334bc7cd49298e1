using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.OperationTracking.Batches;
using OpsPlatform.OperationTracking.Reports;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Once what this scope changed is committed, wakes who waits for it and lets go of reports that it has made old.</summary>
internal sealed class TellAfterCommit(OperationWatch watches, LatestReports latest, ApprovalSignal approvals, BatchSignal batches) : DbTransactionInterceptor
{
    private readonly List<(Guid Org, Guid Id, bool HasEnded)> _changed = [];

    private bool _isAsked;

    /// <summary>Somebody is asked to agree to something, or may be.</summary>
    public void Asked() => _isAsked = true;

    public void Changed(Guid org, Guid id, bool hasEnded = false) => _changed.Add((org, id, hasEnded));

    public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        foreach (var (org, id, hasEnded) in _changed)
        {
            if (hasEnded)
            {
                latest.Forget(org, id);
            }
            else
            {
                latest.Known(org, id);
            }

            watches.Changed(org, id);
        }

        if (_changed.Count > 0)
        {
            batches.Wake();
        }

        _changed.Clear();
        if (_isAsked)
        {
            approvals.Wake();
            _isAsked = false;
        }

        return Task.CompletedTask;
    }
}
